// A window of VS Code in a browser: what a user does and sees, each step waiting for what it needs.
import assert from 'node:assert/strict';

// Long enough for a machine that does much else; what works is seen within a second or two.
const patience = 120_000;

export class Window {
  /** Opens `folder` in a new page of `context` and answers the question whether its authors are trusted. */
  static async open(context, server, folder, { trusted = true } = {}) {
    const page = await context.newPage();
    page.setDefaultTimeout(patience);
    const window = new Window(page);
    await page.goto(`${server}/?folder=${encodeURIComponent(folder)}`, { waitUntil: 'domcontentloaded' });
    await page.locator('.monaco-workbench').waitFor();
    await page.getByRole('button', { name: trusted ? /^Yes, I trust/ : /^No, I don't trust/ }).click();
    await page.locator('.monaco-dialog-box').waitFor({ state: 'detached' });
    return window;
  }

  constructor(page) {
    this.page = page;
  }

  find(selector, options) {
    return this.page.locator(selector, options).first();
  }

  async press(...keys) {
    for (const key of keys) {
      await this.page.keyboard.press(key);
    }
  }

  async type(text) {
    await this.page.keyboard.type(text, { delay: 5 });
  }

  /** Enters `text` as one edit, as pasting does: nothing is closed or suggested. */
  async insert(text) {
    await this.page.keyboard.insertText(text);
  }

  /** Runs the command called `title` from the palette. */
  async command(title) {
    await this.#quickInput('>' + title, title);
  }

  async openFile(path) {
    await this.#quickInput(path, path.split('/').pop());
    await this.isOpen(path);
    await this.find('.editor-group-container.active .view-line').waitFor();
  }

  /** Waits until the file at `path`, a directory and a name, is in the active editor. */
  async isOpen(path) {
    const [directory, name] = path.split('/');
    await this.find('.editor-group-container.active .breadcrumbs-control', { hasText: new RegExp(`^\\s*${directory}.*${name}`) }).waitFor();
  }

  async #quickInput(text, row) {
    const input = this.find('.quick-input-widget input[type=text]');
    await this.press('F1');
    await input.waitFor();
    await input.fill(text);
    await this.find('.quick-input-list .monaco-list-row.focused', { hasText: row }).waitFor();
    await this.press('Enter');
    await input.waitFor({ state: 'hidden' });
  }

  /** Puts the cursor at a place, counted from one. */
  async goTo(line, column = 1) {
    const input = this.find('.quick-input-widget input[type=text]');
    const answer = this.find('.quick-input-list .monaco-list-row.focused');
    const noEditor = 'Open a text editor first';
    for (;;) {
      await this.press('Control+g');
      await input.waitFor();
      await input.fill(`:${line}:${column}`);
      await answer.filter({ hasText: new RegExp(`\\b${line}\\b|${noEditor}`) }).waitFor();
      const lost = (await answer.innerText()).includes(noEditor);
      await this.press(lost ? 'Escape' : 'Enter');
      await input.waitFor({ state: 'hidden' });
      if (!lost) break;
      // What was chosen in a webview gave it the focus, sooner or later: the text gets it back.
      await this.press('Control+1');
      await this.find('.editor-group-container.active .monaco-editor.focused').waitFor();
    }
    await this.cursorAt(line);
  }

  async cursorAt(line) {
    await this.find('.statusbar-item', { hasText: new RegExp(`^\\s*Ln ${line}, Col`) }).waitFor();
  }

  line(text) {
    return this.find('.editor-group-container.active .view-line', { hasText: text });
  }

  /** Accepts the suggestion called `label`. */
  async accept(label) {
    const row = this.find('.suggest-widget.visible .monaco-list-row', { hasText: label });
    await row.waitFor();
    await row.click();
    await this.find('.suggest-widget.visible').waitFor({ state: 'hidden' });
  }

  /** The page inside the webview of the editor beside. */
  webview() {
    return this.page.frameLocator('iframe.webview.ready').frameLocator('iframe#active-frame');
  }

  async screenshot(file) {
    await this.page.screenshot({ path: file, animations: 'disabled' });
  }

  async close() {
    await this.page.close();
  }
}

/** Waits until `f` returns something true, asking again a little later; its value, or an error with `what`. */
export async function until(what, f, milliseconds = patience) {
  const end = Date.now() + milliseconds;
  for (;;) {
    const value = await f();
    if (value) {
      return value;
    }
    assert.ok(Date.now() < end, `never happened: ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}
