package images

import (
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// NixOffline is a configuration of nix for machines without a network and containers without namespaces.
const NixOffline = "sandbox = false\nsubstituters =\nbuild-users-group =\n"

// flakeText makes images out of what is in the context, without nixpkgs, in the shapes that packages of nixpkgs give: the
// default as dockerTools.buildImage, "layered" as buildLayeredImage (both what `docker save` writes, packed), "streamed" as
// streamLayeredImage (a program that writes the archive out of the store), "oci" as the OCI layout that skopeo writes.
const flakeText = `{
  description = "Images without nixpkgs";
  outputs = { self }:
    let
      system = "@system";
      derive = name: script: derivation {
        inherit name system;
        builder = "/bin/sh";
        args = [ "-e" "-c" script ];
        PATH = "/usr/bin:/bin";
        source = ../.;
      };
      parts = layers: ''
        umask 022
        mkdir -p root/tmp files; cp $source/toolbox root/toolbox; chmod 755 root/toolbox; cp $source/greeting root/greeting
        ids=; names=
        layer() {
          tar -C root -cf layer.tar "$@"
          sum=$(sha256sum layer.tar | cut -c1-64)
          echo "adding layer $sum"
          mkdir files/$sum; mv layer.tar files/$sum/layer.tar
          ids="$ids,\"sha256:$sum\""; names="$names,\"$sum/layer.tar\""
        }
        ${layers}
        printf '{"architecture":"@arch","os":"linux","config":{"Entrypoint":["/toolbox"]},"rootfs":{"type":"layers","diff_ids":[%s]}}' "''${ids#,}" > config.json
      '';
      one = parts "layer tmp toolbox greeting";
      two = parts "layer tmp toolbox; layer greeting";
      docker = ''
        config=$(sha256sum config.json | cut -c1-64).json
        mv config.json files/$config
        printf '[{"Config":"%s","RepoTags":["flake:built"],"Layers":[%s]}]' "$config" "''${names#,}" > files/manifest.json
      '';
      unpacked = derive "parts" (two + docker + "mv files $out");
      blob = ''
        blob() { blob=$(sha256sum "$1" | cut -c1-64); size=$(wc -c < "$1"); mv "$1" files/blobs/sha256/$blob; }
        descriptor() { printf '{"mediaType":"application/vnd.oci.image.%s","digest":"sha256:%s","size":%s}' "$1" "$blob" "$size"; }
        mkdir -p files/blobs/sha256
      '';
    in {
      packages.${system} = {
        default = derive "image.tar.gz" (one + docker + "tar -C files -c . | gzip -n > $out");
        layered = derive "layered.tar.gz" (two + docker + "tar -C files -c . | gzip -n > $out");
        streamed = derive "streamed" "printf '#!/bin/sh\nexec tar -C ${unpacked} -c .\n' > $out; chmod 755 $out";
        oci = derive "oci.tar" (two + blob + ''
          layers=
          for name in $(printf %s "$names" | tr ',"' '  '); do
            gzip -n < files/$name > layer; rm -r files/''${name%/*}
            blob layer; layers="$layers,$(descriptor layer.v1.tar+gzip)"
          done
          blob config.json; config=$(descriptor config.v1+json)
          printf '{"schemaVersion":2,"config":%s,"layers":[%s]}' "$config" "''${layers#,}" > manifest
          blob manifest
          printf '{"schemaVersion":2,"manifests":[%s]}' "$(descriptor manifest.v1+json)" > files/index.json
          printf '{"imageLayoutVersion":"1.0.0"}' > files/oci-layout
          tar -C files -cf $out .
        '');
        broken = derive "broken" "echo first line; echo the last line; exit 7";
        text = derive "text" "echo not an image > $out";
        directory = derive "directory" "mkdir $out";
        silent = derive "silent" "printf '#!/bin/sh\necho no room >&2; exit 3\n' > $out; chmod 755 $out";
      };
    };
}
`

// Flake is the text of a flake.nix, to be in a directory of a context that has a toolbox and a greeting.
func Flake() string {
	return strings.NewReplacer("@system", NixSystem(), "@arch", runtime.GOARCH).Replace(flakeText)
}

// NixSystem is what nix calls this machine.
func NixSystem() string {
	return map[string]string{"amd64": "x86_64", "arm64": "aarch64"}[runtime.GOARCH] + "-linux"
}

// Nix is an image with the nix of this machine and what it needs.
func Nix(t testing.TB) Image {
	t.Helper()
	files := map[string]bool{}
	add := func(path string) {
		t.Helper()
		real, err := filepath.EvalSymlinks(path)
		require.NoError(t, err, "scripts/test.sh installs nix-bin")
		files[path], files[real] = true, true
	}
	add("/bin/nix")
	add("/usr/libexec/nix/build-remote")
	for _, program := range []string{"sh", "cat", "head", "tar", "sha256sum", "cut", "cp", "mkdir", "mv", "rm", "chmod", "tr", "wc", "gzip"} {
		path, err := exec.LookPath(program)
		require.NoError(t, err)
		add("/bin/" + filepath.Base(path))
	}
	library := regexp.MustCompile(`(/\S+) \(0x`)
	for path := range files {
		out, err := exec.Command("ldd", path).CombinedOutput()
		if err != nil {
			continue // a link, or static
		}
		for _, m := range library.FindAllStringSubmatch(string(out), -1) {
			add(m[1])
		}
	}
	layer := []File{{Path: "nix/"}, {Path: "nix/store/"}, {Path: "nix/var/"}, {Path: "etc/"}, {Path: "root/"},
		{Path: "etc/passwd", Content: []byte("root:x:0:0:root:/root:/bin/sh\n"), Mode: 0o644}, {Path: "etc/group", Content: []byte("root:x:0:\n"), Mode: 0o644}}
	for _, path := range slices.Sorted(maps.Keys(files)) {
		content, err := os.ReadFile(path)
		require.NoError(t, err)
		layer = append(layer, File{Path: strings.TrimPrefix(path, "/"), Content: content})
	}
	image, err := Build("kurtosis-test/nix", Config{Env: []string{"PATH=/usr/bin:/bin", "HOME=/root"}}, layer...)
	require.NoError(t, err)
	return image
}
