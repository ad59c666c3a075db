// Finds the language server's binary. Knows nothing of the editor, so that its tests need none.
import * as path from 'path';

export interface Places {
  /** What the setting kurtosis.server.path says; empty when it is not set. */
  configured: string;
  /** The directory of the extension that a server is shipped in. */
  shipped: string;
  /** The PATH of the environment, directories separated as on this platform. */
  searchPath: string;
  platform: NodeJS.Platform;
}

/** The server's command, or what to tell the user when there is none. */
export function findServer(places: Places, exists: (file: string) => boolean): { command: string } | { missing: string } {
  const { configured, shipped, searchPath, platform } = places;
  if (configured !== '') {
    return exists(configured)
      ? { command: configured }
      : { missing: `The Kurtosis language server is missing: kurtosis.server.path is '${configured}', where there is no file.` };
  }
  const windows = platform === 'win32';
  const paths = windows ? path.win32 : path.posix;
  const name = windows ? 'kurtosis-lsp.exe' : 'kurtosis-lsp';
  const directories = [shipped, ...searchPath.split(paths.delimiter).filter((dir) => dir !== '')];
  const command = directories.map((dir) => paths.join(dir, name)).find(exists);
  return command
    ? { command }
    : {
        missing:
          `The Kurtosis language server is missing: there is no ${name} in the extension or on the PATH. ` +
          'Install it with "make install", or set kurtosis.server.path.',
      };
}
