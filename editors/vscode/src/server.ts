// The language server's life: where its binary is, start and restart, status bar, log, and the documents it serves.
import * as fs from 'fs';
import * as vscode from 'vscode';
import {
  CloseAction,
  ErrorAction,
  LanguageClient,
  LanguageClientOptions,
  ServerOptions,
  State,
  TransportKind,
} from 'vscode-languageclient/node';
import { Arguments } from './arguments';
import { findServer } from './binary';
import { packageOf } from './tasks';

const restartsAllowed = 4;

export class Server implements vscode.Disposable {
  private client: LanguageClient | undefined;
  private restarts = 0;
  private readonly log = vscode.window.createOutputChannel('Kurtosis', { log: true });
  private readonly status = vscode.languages.createLanguageStatusItem('kurtosis.server', { language: 'starlark' });
  private readonly bar = vscode.window.createStatusBarItem('kurtosis.plan', vscode.StatusBarAlignment.Right, 90);
  private readonly planChanged = new vscode.EventEmitter<string>();
  private readonly contentChanged = new vscode.EventEmitter<vscode.Uri>();
  /** Fires with a document's URI when the plan of its package may be another one. */
  readonly onPlanChanged = this.planChanged.event;
  private readonly disposables: vscode.Disposable[] = [];

  constructor(
    private readonly context: vscode.ExtensionContext,
    private readonly args: Arguments,
  ) {
    this.status.name = 'Kurtosis';
    this.bar.name = 'Kurtosis';
    this.bar.command = 'kurtosis.previewPlan';
    this.bar.text = '$(package) Kurtosis';
    const provider: vscode.TextDocumentContentProvider = {
      onDidChange: this.contentChanged.event,
      provideTextDocumentContent: (uri, token) => this.content(uri, token),
    };
    this.disposables.push(
      this.log,
      this.status,
      this.bar,
      this.planChanged,
      this.contentChanged,
      vscode.workspace.registerTextDocumentContentProvider('kurtosis-plan', provider),
      vscode.workspace.registerTextDocumentContentProvider('kurtosis-builtin', provider),
      vscode.window.onDidChangeActiveTextEditor(() => this.showBar()),
      vscode.languages.onDidChangeDiagnostics(() => this.showBar()),
      this.onPlanChanged(() => this.refreshPlanDocuments()),
      vscode.workspace.onDidChangeConfiguration((e) => {
        if (e.affectsConfiguration('kurtosis.server.path')) {
          void this.restart();
        }
      }),
    );
  }

  async start(): Promise<void> {
    const found = findServer(
      {
        configured: vscode.workspace.getConfiguration('kurtosis').get<string>('server.path', ''),
        shipped: this.context.asAbsolutePath('bin'),
        searchPath: process.env.PATH ?? '',
        platform: process.platform,
      },
      (file) => fs.statSync(file, { throwIfNoEntry: false })?.isFile() ?? false,
    );
    if ('missing' in found) {
      this.say('error', 'not found', found.missing);
      this.log.error(found.missing);
      void this.offerSettings(found.missing);
      return;
    }
    const { command } = found;
    const server: ServerOptions = { command, args: [], transport: TransportKind.stdio };
    const options: LanguageClientOptions = {
      documentSelector: [
        { scheme: 'file', language: 'starlark' },
        { scheme: 'untitled', language: 'starlark' },
        { scheme: 'file', pattern: '**/kurtosis.yml' },
        { scheme: 'file', pattern: '**/*.{json,yaml,yml}' },
      ],
      initializationOptions: settings(),
      synchronize: { configurationSection: 'kurtosis' }, // which files to watch the server says itself
      outputChannel: this.log,
      traceOutputChannel: this.log,
      errorHandler: {
        error: () => ({ action: ErrorAction.Continue }),
        closed: () =>
          this.restarts++ < restartsAllowed
            ? { action: CloseAction.Restart }
            : {
                action: CloseAction.DoNotRestart,
                message: 'The Kurtosis language server stopped again and again. See the log, then "Kurtosis: Restart Language Server".',
              },
      },
    };
    const client = new LanguageClient('kurtosis', 'Kurtosis', server, options);
    this.client = client;
    client.onNotification('kurtosis/planChanged', (p: { uri: string }) => this.planChanged.fire(p.uri));
    client.onDidChangeState(({ newState }) => {
      switch (newState) {
        case State.Running:
          this.say('ok', client.initializeResult?.serverInfo?.version ?? '', command);
          break;
        case State.Starting:
          this.say('busy', 'starting', command);
          break;
        default:
          this.say('error', 'stopped', command);
      }
    });
    try {
      await client.start();
    } catch (error) {
      this.say('error', 'failed', String(error));
      void vscode.window.showErrorMessage(`The Kurtosis language server did not start: ${String(error)}`);
    }
    this.showBar();
  }

  async restart(): Promise<void> {
    this.restarts = 0;
    await this.stop();
    await this.start();
  }

  async stop(): Promise<void> {
    const client = this.client;
    this.client = undefined;
    if (client?.needsStop()) {
      await client.dispose();
    }
  }

  /** Sends a request; undefined while there is no server. */
  async request<T>(method: string, params: unknown, token?: vscode.CancellationToken): Promise<T | undefined> {
    return this.client?.isRunning() ? this.client.sendRequest<T>(method, params, token) : undefined;
  }

  showLog(): void {
    this.log.show();
  }

  async reportIssue(): Promise<void> {
    const version = this.client?.initializeResult?.serverInfo?.version ?? 'not running';
    const extension = this.context.extension.packageJSON as { version: string };
    await vscode.commands.executeCommand('workbench.action.openIssueReporter', {
      extensionId: this.context.extension.id,
      issueBody: `Extension ${extension.version}, server ${version}, ${process.platform}-${process.arch}\n\nWhat did you do, what did you expect, what happened instead?\n`,
    });
  }

  dispose(): void {
    for (const d of this.disposables) {
      d.dispose();
    }
  }

  // Not awaited by whoever starts the server: the message may stay until the user has time for it.
  private async offerSettings(message: string): Promise<void> {
    if ((await vscode.window.showErrorMessage(message, 'Open Settings')) === 'Open Settings') {
      await vscode.commands.executeCommand('workbench.action.openSettings', 'kurtosis.server.path');
    }
  }

  private async content(uri: vscode.Uri, token: vscode.CancellationToken): Promise<string> {
    const params: Record<string, unknown> = { uri: uri.toString(true) };
    if (uri.scheme === 'kurtosis-plan') {
      const source = vscode.Uri.parse(uri.query);
      params.uri = source.toString();
      params.kind = 'plan';
      params.argsFile = this.args.file(packageOf(source));
    }
    const answer = await this.request<{ text: string }>('kurtosis/documentContent', params, token);
    return answer?.text ?? '';
  }

  private refreshPlanDocuments(): void {
    for (const document of vscode.workspace.textDocuments) {
      if (document.uri.scheme === 'kurtosis-plan') {
        this.contentChanged.fire(document.uri);
      }
    }
  }

  private say(kind: 'ok' | 'busy' | 'error', text: string, detail: string): void {
    this.status.text = `Kurtosis ${text}`.trim();
    this.status.detail = detail;
    this.status.busy = kind === 'busy';
    this.status.severity = kind === 'error' ? vscode.LanguageStatusSeverity.Error : vscode.LanguageStatusSeverity.Information;
    this.status.command =
      kind === 'error'
        ? { command: 'kurtosis.restartServer', title: 'Restart' }
        : { command: 'kurtosis.showLog', title: 'Show log' };
  }

  private showBar(): void {
    const editor = vscode.window.activeTextEditor;
    if (editor?.document.languageId !== 'starlark') {
      this.bar.hide();
      return;
    }
    const found = vscode.languages.getDiagnostics(editor.document.uri);
    const errors = found.filter((d) => d.severity === vscode.DiagnosticSeverity.Error).length;
    this.bar.text = errors > 0 ? `$(error) Kurtosis ${errors}` : '$(package) Kurtosis';
    this.bar.tooltip = 'Preview the plan of this package';
    this.bar.accessibilityInformation = { label: errors > 0 ? `Kurtosis, ${errors} errors` : 'Kurtosis, preview the plan' };
    this.bar.show();
  }
}

function settings(): unknown {
  return JSON.parse(JSON.stringify(vscode.workspace.getConfiguration('kurtosis')));
}
