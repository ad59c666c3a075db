// Drives a real VS Code, served at SERVER, in headless Chromium. Prints what was shown and fails when anything was not.
// ONLY=editing leaves all but the scenarios out.
// usage: node run.mjs SERVER STATE   (STATE: a scratch directory, which the server's user data is in)
import assert from 'node:assert/strict';
import { cp, mkdir, readFile, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { chromium } from 'playwright-core';
import { diagnostics, editing } from './scenarios.mjs';
import { Window, until } from './window.mjs';

const [server, state] = process.argv.slice(2);
const here = dirname(fileURLToPath(import.meta.url));
const out = join(here, '../../out');
const pictures = process.env.UPDATE === '1' ? join(here, '../../../../docs/images') : join(out, 'images');
const started = Date.now();
const failures = [];
const requests = new Set();

async function check(name, f, page) {
  const from = Date.now();
  try {
    await f();
    console.log(`ok    ${name} (${((Date.now() - from) / 1000).toFixed(1)} s)`);
    return true;
  } catch (error) {
    failures.push(name);
    const picture = join(out, `failed-${failures.length}.png`);
    await page?.screenshot({ path: picture });
    console.log(`FAIL  ${name}\n${error.name === 'AssertionError' ? error.message : error.stack}${page ? `\nsee ${picture}` : ''}`);
    return false;
  }
}

/** A copy of the test's packages, under a name of its own, with settings of the workspace. */
async function workspace(name, settings) {
  const folder = join(state, 'workspaces', name);
  await cp(join(here, 'workspace'), folder, { recursive: true });
  await mkdir(join(folder, '.vscode'), { recursive: true });
  await writeFile(join(folder, '.vscode/settings.json'), JSON.stringify(settings ?? {}));
  return folder;
}

/** A `kurtosis` command that does nothing, and the words that it was called with, undefined before it is. */
async function command(file) {
  await writeFile(file, '#!/bin/sh\nprintf "%s\\n" "$@" >"$0.part" && mv "$0.part" "$0.called"\n', { mode: 0o755 });
  return {
    settings: { 'kurtosis.cli.path': file },
    called: () => readFile(`${file}.called`, 'utf8').then((text) => text.trimEnd().split('\n'), () => undefined),
  };
}

/** Pictures of the window in dark and in light, taken while it shows what they are of. */
function imagesOf(page) {
  return {
    async save(name) {
      for (const [suffix, colorScheme, mark] of [['-light', 'light', 'vs'], ['', 'dark', 'vs-dark']]) {
        await page.emulateMedia({ colorScheme });
        await page.locator(`.monaco-workbench.${mark}`).waitFor();
        await page.screenshot({ path: join(pictures, `${name}${suffix}.png`), animations: 'disabled' });
      }
    },
  };
}

/** What the probe, which runs beside the extension, found in the window of `folder`. */
async function probe(context, mode, settings, options) {
  const folder = await workspace(mode, settings);
  const file = join(state, 'probe', mode + '.json');
  const window = await Window.open(context, server, folder, options);
  const read = () => readFile(file, 'utf8').then(JSON.parse, () => undefined);
  await check(`the extension host answered (${mode})`, () => until('the probe is done', read, 240_000), window.page);
  for (const { name, error } of (await read())?.checks ?? []) {
    await check(`${mode}: ${name}`, () => assert.ok(!error, error));
  }
  return window;
}

/** What needs no user: the editor's own API, no trust, no server, a server that is deaf. */
async function withoutUser(context) {
  await (await probe(context, 'api')).close();
  await (await probe(context, 'untrusted', undefined, { trusted: false })).close();

  const missing = await probe(context, 'missing', { 'kurtosis.server.path': '/nowhere/kurtosis-lsp' });
  await check('a missing server is said to be missing', () =>
    missing.find('.notification-toast', { hasText: "kurtosis.server.path is '/nowhere/kurtosis-lsp', where there is no file." }).waitFor(), missing.page);
  await missing.close();

  // With a server that takes everything and answers nothing, the checks above must not hold.
  const deaf = await Window.open(context, server, await workspace('deaf', { 'kurtosis.server.path': join(here, 'deaf-server.sh') }));
  await check('a deaf server is noticed', () => assert.rejects(diagnostics({ window: deaf }, 4000), /Timeout 4000ms exceeded/), deaf.page);
  await deaf.close();
}

await mkdir(out, { recursive: true });
await mkdir(pictures, { recursive: true });
await mkdir(join(state, 'probe'), { recursive: true });
const browser = await chromium.launch({
  executablePath: process.env.CHROMIUM ?? '/usr/bin/chromium',
  args: ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking', '--disable-component-update', '--disable-sync'],
});
try {
  const context = await browser.newContext({ viewport: { width: 1280, height: 760 }, colorScheme: 'dark' });
  context.on('request', (r) => {
    const host = new URL(r.url()).hostname;
    // The last is a name of the editor's own: a worker in the page answers for it, with the extension's files.
    if (host !== '' && host !== '127.0.0.1' && !host.endsWith('.vscode-resource.vscode-cdn.net')) {
      requests.add(r.url());
    }
  });

  const { settings, called } = await command(join(state, 'kurtosis'));
  const folder = await workspace('editing', settings);
  const window = await Window.open(context, server, folder);
  const given = { window, folder, requests, called, images: imagesOf(window.page) };
  for (const [name, scenario] of Object.entries(editing)) {
    // What follows a failure often fails for its sake, and would wait long for it.
    if (!(await check(name, () => scenario(given), window.page))) {
      break;
    }
  }
  await window.close();

  if (process.env.ONLY !== 'editing') {
    await withoutUser(context);
  }
} finally {
  await browser.close();
}
console.log(`${failures.length === 0 ? 'all held' : `${failures.length} failed`} (${((Date.now() - started) / 1000).toFixed(0)} s)`);
process.exitCode = failures.length === 0 ? 0 : 1;
