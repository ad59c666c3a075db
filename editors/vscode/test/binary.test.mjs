// Where the extension looks for its server, and what it says when there is none.
import assert from 'node:assert/strict';
import test from 'node:test';
import { buildSync } from 'esbuild';

const { outputFiles } = buildSync({
  entryPoints: [new URL('../src/binary.ts', import.meta.url).pathname],
  bundle: true,
  platform: 'node',
  format: 'esm',
  write: false,
});
const { findServer } = await import('data:text/javascript,' + encodeURIComponent(outputFiles[0].text));

const places = { configured: '', shipped: '/ext/bin', searchPath: '/usr/bin::/opt/bin', platform: 'linux' };
const only = (...files) => (file) => files.includes(file);

test('the shipped server comes before one on the PATH', () => {
  const found = findServer(places, only('/ext/bin/kurtosis-lsp', '/opt/bin/kurtosis-lsp'));
  assert.deepEqual(found, { command: '/ext/bin/kurtosis-lsp' });
});

test('the PATH is asked in its order, and an empty entry is not the current directory', () => {
  assert.deepEqual(findServer(places, only('kurtosis-lsp', '/opt/bin/kurtosis-lsp')), { command: '/opt/bin/kurtosis-lsp' });
});

test('the setting is the only place that counts once it is set', () => {
  const configured = { ...places, configured: '/home/ada/kurtosis-lsp' };
  assert.deepEqual(findServer(configured, only('/home/ada/kurtosis-lsp')), { command: '/home/ada/kurtosis-lsp' });
  assert.deepEqual(findServer(configured, only('/ext/bin/kurtosis-lsp')), {
    missing: "The Kurtosis language server is missing: kurtosis.server.path is '/home/ada/kurtosis-lsp', where there is no file.",
  });
});

test('Windows has its own name and separators', () => {
  const windows = { ...places, shipped: 'C:\\ext\\bin', searchPath: 'C:\\Windows;D:\\tools', platform: 'win32' };
  assert.deepEqual(findServer(windows, only('D:\\tools\\kurtosis-lsp.exe')), { command: 'D:\\tools\\kurtosis-lsp.exe' });
});

test('a server that is nowhere is said to be missing, with what to do', () => {
  assert.deepEqual(findServer(places, () => false), {
    missing:
      'The Kurtosis language server is missing: there is no kurtosis-lsp in the extension or on the PATH. ' +
      'Install it with "make install", or set kurtosis.server.path.',
  });
});
