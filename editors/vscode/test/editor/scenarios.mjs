// What a user does in the editor. Scenarios of one list share a window and its files, in this order.
import assert from 'node:assert/strict';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { until } from './window.mjs';

const error = 'ServiceConfig has no argument prots';

/** The first thing that fails when there is no server, or one that does not answer. */
export async function diagnostics({ window }, timeout) {
  await window.openFile('shop/main.star');
  await window.find('.squiggly-error').waitFor({ timeout });
  await window.command('Problems: Focus on Problems View');
  await window.find('.markers-panel .monaco-list-row', { hasText: error }).waitFor({ timeout });
  await window.press('Control+j');
}

export const editing = {
  'an error is underlined and listed': diagnostics,

  'names have the colours of what they mean': async ({ window }) => {
    await window.goTo(25);
    // `replicas` inside of the function is a parameter, which only the server can know.
    const use = window.line('in range(replicas)').locator('span', { hasText: /^replicas$/ });
    const plain = window.find('.editor-group-container.active .view-lines');
    const colour = (e) => getComputedStyle(e).color;
    await until('a parameter in the colour of parameters', async () => (await use.evaluate(colour)) !== (await plain.evaluate(colour)));
  },

  'a hover shows signature and docs': async ({ window, images }) => {
    await window.goTo(26, 16);
    await window.press('Control+k', 'Control+i');
    const hover = window.find('.monaco-hover:not(.hidden)', { hasText: 'add_service(' });
    await hover.waitFor();
    const text = await hover.innerText();
    assert.match(text, /config: ServiceConfig/);
    assert.match(text, /Adds a service/);
    await images.save('editor');
    await window.press('Escape');
  },

  'a quick fix is applied': async ({ window }) => {
    await window.goTo(30, 19);
    await window.press('Control+.');
    await window.find('.action-widget .monaco-list-row.focused', { hasText: 'ports' }).waitFor();
    await window.press('Enter');
    await window.line('ports={"http"').waitFor();
    await window.find('.squiggly-error').waitFor({ state: 'detached' });
  },

  'completion offers instructions and the arguments that are missing': async ({ window, images }) => {
    await window.goTo(24, 6);
    await window.press('End', 'Enter');
    await window.type('plan.');
    await window.find('.suggest-widget.visible .monaco-list-row', { hasText: 'add_service' }).waitFor();
    await images.save('completion');
    await window.type('upload_f');
    await window.accept('upload_files');
    await window.line('plan.upload_files(').waitFor();
    await window.press('Escape', 'Escape');
    // The call was completed over three lines.
    await window.goTo(25, 1);
    await window.press('Shift+ArrowDown', 'Shift+ArrowDown', 'Shift+End');
    await window.insert('    plan.print(');
    await window.press('Control+Space');
    await window.accept('msg');
    await window.line('plan.print(msg').waitFor();
    await window.press('Escape', 'Escape');
    await window.goTo(25, 1);
    await window.press('Control+Shift+k');
    await window.find('.squiggly-error').waitFor({ state: 'detached' });
  },

  'definition leads into another package': async ({ window }) => {
    await window.goTo(15, 20);
    await window.press('F12');
    await window.isOpen('database/main.star');
    await window.cursorAt(6);
  },

  'rename changes both packages': async ({ window, folder }) => {
    await window.press('F2');
    const input = window.find('.rename-box input');
    await input.waitFor();
    assert.equal(await input.inputValue(), 'launch');
    await input.fill('start');
    await window.press('Enter');
    await input.waitFor({ state: 'hidden' });
    await window.line('def start(plan, name)').waitFor();
    await window.command('File: Save All');
    await until('the new name in both files', async () => {
      const files = ['database/main.star', 'shop/main.star'].map((name) => readFile(join(folder, name), 'utf8'));
      const [definition, use] = await Promise.all(files);
      return /def start\(/.test(definition) && /^ {4}start\(plan, name\)$/m.test(definition) && use.includes('database.start(plan, title)');
    });
  },

  'a document is formatted': async ({ window, folder }) => {
    await window.openFile('database/messy.star');
    await window.command('Format Document');
    await window.line('def backup(plan, name):').waitFor();
    await window.command('File: Save All');
    await until('the formatted file', async () =>
      (await readFile(join(folder, 'database/messy.star'), 'utf8')) === 'def backup(plan, name):\n    plan.print("backing up " + name)\n');
  },

  'the preview opens from the lens and follows the edit': async ({ window, images }) => {
    await window.openFile('shop/main.star');
    await window.press('Control+b');
    await window.find('.codelens-decoration a', { hasText: 'Run' }).waitFor();
    await window.find('.codelens-decoration a', { hasText: 'Preview plan' }).click();
    const panel = window.webview();
    for (const name of ['postgres', 'web-0', 'web-1']) {
      await panel.locator('g.node', { hasText: name }).waitFor();
    }
    await window.page.locator('.editor-group-container').first().locator('.view-lines').click();
    await window.goTo(33);
    await window.press('End', 'Enter');
    await window.goTo(34);
    await window.press('Shift+End');
    await window.insert('    plan.add_service("cache", ServiceConfig(image="redis:7"))');
    await panel.locator('g.node', { hasText: 'cache' }).waitFor();
    await images.save('preview');
    assert.equal(await panel.locator('g.node.service').count(), 4);
    await window.goTo(34, 5);
    await window.type('if replicas > 5: ');
    await panel.locator('g.node', { hasText: 'cache' }).waitFor({ state: 'detached' });
  },

  'a node leads to the line that makes it': async ({ window }) => {
    const panel = window.webview();
    await panel.locator('g.node', { hasText: 'settings' }).click();
    await window.cursorAt(16);
    await panel.locator('g.node', { hasText: 'web-1' }).focus();
    await window.press('Enter');
    await window.cursorAt(26);
  },

  'another argument file makes another plan': async ({ window }) => {
    const panel = window.webview();
    await panel.locator('#args').selectOption({ label: 'small.yaml' });
    await panel.locator('g.node', { hasText: 'web-1' }).waitFor({ state: 'detached' });
    await panel.locator('g.node', { hasText: 'web-0' }).waitFor();
  },

  'text that cannot be read leaves the last plan in sight': async ({ window }) => {
    const panel = window.webview();
    await panel.locator('#tab-graph').click();
    await window.find('.editor-group-container.active .tab.active', { hasText: 'Plan: ' }).waitFor();
    await window.goTo(16, 1);
    await window.insert('?');
    await panel.locator('.problem').waitFor();
    await panel.locator('body.stale g.node', { hasText: 'web-0' }).waitFor();
    await window.press('Control+z');
    await panel.locator('body:not(.stale) g.node', { hasText: 'web-0' }).waitFor();
  },

  'the panel can be used with the keyboard, and asks nothing of the network': async ({ window, requests }) => {
    const panel = window.webview();
    await panel.locator('#tab-graph').focus();
    await window.press('ArrowRight');
    await panel.locator('#steps li', { hasText: 'postgres' }).waitFor();
    await window.press('ArrowRight');
    await panel.locator('#services tr', { hasText: 'postgres:16' }).waitFor();
    await window.press('Home');
    await panel.locator('#tab-graph[aria-selected=true]').waitFor();
    assert.deepEqual([...requests], []);
  },

  // Last, since the terminal takes room.
  'the run lens runs the package with the arguments that were picked': async ({ window, folder, called }) => {
    await window.page.locator('.editor-group-container').first().locator('.view-lines').click();
    await window.goTo(8);
    await window.find('.codelens-decoration a', { hasText: 'Run' }).click();
    assert.deepEqual(await until('the command is called', called), ['run', join(folder, 'shop'), '--args-file', join(folder, 'shop/small.yaml')]);
    await window.find('.terminal-wrapper.active').waitFor();
  },
};
