// The plan panel: shows what the package would do, follows the edit, and leads back to the lines that say so.
import { randomBytes } from 'crypto';
import * as path from 'path';
import * as vscode from 'vscode';
import { Arguments, argumentFiles } from './arguments';
import { Server } from './server';
import { packageOf } from './tasks';

/** What the panel's page sends. */
type Message =
  | { type: 'ready' }
  | { type: 'reveal'; uri: string; line: number; character: number }
  | { type: 'argsFile'; file: string }
  | { type: 'cluster'; cluster: string };

export class PlanPanel {
  private static readonly open = new Map<string, PlanPanel>();

  /** Shows the panel of the package that `uri` belongs to, creating it when there is none. */
  static show(context: vscode.ExtensionContext, server: Server, args: Arguments, uri: vscode.Uri): void {
    const key = packageOf(uri).toString();
    const existing = this.open.get(key);
    if (existing) {
      existing.panel.reveal(undefined, true);
      existing.uri = uri;
      existing.schedule(0);
      return;
    }
    this.open.set(key, new PlanPanel(context, server, args, uri, key));
  }

  private readonly panel: vscode.WebviewPanel;
  private readonly disposables: vscode.Disposable[] = [];
  private readonly directory: vscode.Uri;
  private cluster: string;
  private timer: NodeJS.Timeout | undefined;
  private pending: vscode.CancellationTokenSource | undefined;
  private files: Promise<string[]> | undefined;

  private constructor(
    context: vscode.ExtensionContext,
    private readonly server: Server,
    private readonly args: Arguments,
    private uri: vscode.Uri,
    key: string,
  ) {
    this.directory = packageOf(uri);
    this.cluster = vscode.workspace.getConfiguration('kurtosis', uri).get<string>('preview.cluster', 'docker');
    const media = vscode.Uri.joinPath(context.extensionUri, 'media');
    this.panel = vscode.window.createWebviewPanel(
      'kurtosis.plan',
      `Plan: ${path.basename(this.directory.fsPath)}`,
      { viewColumn: vscode.ViewColumn.Beside, preserveFocus: true },
      { enableScripts: true, localResourceRoots: [media], retainContextWhenHidden: true },
    );
    this.panel.webview.html = page(this.panel.webview, media);
    const watcher = vscode.workspace.createFileSystemWatcher(new vscode.RelativePattern(this.directory, argumentFiles), false, true);
    this.disposables.push(
      this.panel.webview.onDidReceiveMessage((message: Message) => this.receive(message)),
      // Whatever changed: it may be in a package that this one imports, or a file that it reads.
      server.onPlanChanged(() => this.schedule()),
      watcher,
      watcher.onDidCreate(() => this.forgetFiles()),
      watcher.onDidDelete(() => this.forgetFiles()),
      args.onDidChange((directory) => {
        if (directory.toString() === key) {
          this.schedule(0);
        }
      }),
      this.panel.onDidDispose(() => {
        PlanPanel.open.delete(key);
        clearTimeout(this.timer);
        this.pending?.cancel();
        this.disposables.forEach((d) => d.dispose());
      }),
    );
  }

  private async receive(message: Message): Promise<void> {
    switch (message.type) {
      case 'ready':
        this.schedule(0);
        return;
      case 'argsFile':
        await this.args.set(this.directory, message.file);
        return;
      case 'cluster':
        this.cluster = message.cluster;
        this.schedule(0);
        return;
      case 'reveal': {
        const at = new vscode.Position(message.line, message.character);
        await vscode.window.showTextDocument(vscode.Uri.parse(message.uri), {
          viewColumn: vscode.ViewColumn.One,
          selection: new vscode.Range(at, at),
        });
      }
    }
  }

  private forgetFiles(): void {
    this.files = undefined;
    this.schedule();
  }

  private schedule(delay?: number): void {
    const wait = delay ?? vscode.workspace.getConfiguration('kurtosis', this.uri).get<number>('preview.delay', 150);
    clearTimeout(this.timer);
    this.timer = setTimeout(() => void this.refresh(), wait);
  }

  private async refresh(): Promise<void> {
    this.pending?.cancel();
    const token = new vscode.CancellationTokenSource();
    this.pending = token;
    const argsFile = this.args.file(this.directory);
    try {
      const [plan, files] = await Promise.all([
        this.server.request('kurtosis/planPreview', { uri: this.uri.toString(), argsFile, cluster: this.cluster }, token.token),
        (this.files ??= this.args.candidates(this.directory)),
      ]);
      if (token.token.isCancellationRequested) {
        return;
      }
      await this.panel.webview.postMessage({
        type: 'plan',
        plan: plan ?? { error: { message: 'the language server is not running' } },
        argsFile: argsFile ?? '',
        argsFiles: files.map((file) => ({ file, label: path.relative(this.directory.fsPath, file) })),
        cluster: this.cluster,
      });
    } catch (error) {
      if (!token.token.isCancellationRequested) {
        await this.panel.webview.postMessage({ type: 'plan', plan: { error: { message: String(error) } } });
      }
    }
  }
}

function page(webview: vscode.Webview, media: vscode.Uri): string {
  const nonce = randomBytes(16).toString('hex');
  const at = (name: string) => webview.asWebviewUri(vscode.Uri.joinPath(media, name)).toString();
  return `<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src ${webview.cspSource}; script-src 'nonce-${nonce}'">
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="stylesheet" href="${at('plan.css')}">
<title>Plan</title>
</head>
<body>
<header>
<label>Arguments <select id="args"></select></label>
<label>Cluster <select id="cluster"><option>docker</option><option>kubernetes</option></select></label>
<label>Find <input id="find" type="search" placeholder="name"></label>
</header>
<section id="problems" aria-label="Problems"></section>
<nav>
<div role="tablist" aria-label="View">
<button role="tab" id="tab-graph" aria-controls="graph" aria-selected="true">Graph</button>
<button role="tab" id="tab-steps" aria-controls="steps" aria-selected="false" tabindex="-1">Steps</button>
<button role="tab" id="tab-services" aria-controls="services" aria-selected="false" tabindex="-1">Services</button>
</div>
<span id="summary" role="status" aria-live="polite"></span>
</nav>
<main>
<div id="graph" role="tabpanel" aria-labelledby="tab-graph"></div>
<div id="steps" role="tabpanel" aria-labelledby="tab-steps" hidden></div>
<div id="services" role="tabpanel" aria-labelledby="tab-services" hidden></div>
</main>
<script nonce="${nonce}" src="${at('layout.js')}"></script>
<script nonce="${nonce}" src="${at('plan.js')}"></script>
</body>
</html>`;
}
