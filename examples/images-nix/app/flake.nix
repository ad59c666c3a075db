{
  description = "A static site in an image";

  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-24.11";

  outputs = { self, nixpkgs }:
    let
      systems = [ "x86_64-linux" "aarch64-linux" ];
      each = nixpkgs.lib.genAttrs systems;
      parts = system:
        let pkgs = nixpkgs.legacyPackages.${system};
        in {
          name = "hello-nix";
          tag = "built";
          contents = [ pkgs.busybox ];
          config.Cmd = [ "httpd" "-f" "-p" "8080" "-h" "${./www}" ];
        };
    in {
      packages = each (system:
        let tools = nixpkgs.legacyPackages.${system}.dockerTools;
        in rec {
          default = image;
          image = tools.buildLayeredImage (parts system);
          streamed = tools.streamLayeredImage (parts system);
        });
    };
}
