// The page of the plan panel. Everything it shows comes as one `plan` message and is built with DOM calls, never
// as markup, so that nothing in a package can become part of the page.
'use strict';
(() => {
  const vscode = acquireVsCodeApi();
  const byId = (id) => document.getElementById(id);
  const views = ['graph', 'steps', 'services'];
  const size = { width: 170, height: 44, gapX: 60, gapY: 14 };
  // Prints and checks of a large plan would bury its services.
  const quiet = new Set(['print', 'verify', 'wait', 'request', 'exec', 'get_cluster_type', 'get_service', 'get_services']);
  const manySteps = 120;
  let current = { steps: [], services: [], artifacts: [], problems: [] };
  const remembered = vscode.getState() ?? {};

  function element(name, properties = {}, ...children) {
    const e = document.createElement(name);
    for (const [key, value] of Object.entries(properties)) {
      if (key in e) {
        e[key] = value;
      } else {
        e.setAttribute(key, value);
      }
    }
    e.append(...children);
    return e;
  }

  function svg(name, attributes, ...children) {
    const e = document.createElementNS('http://www.w3.org/2000/svg', name);
    for (const [key, value] of Object.entries(attributes)) {
      e.setAttribute(key, value);
    }
    e.append(...children);
    return e;
  }

  function reveal(location) {
    if (location) {
      const { line, character } = location.range.start;
      vscode.postMessage({ type: 'reveal', uri: location.uri, line, character });
    }
  }

  function activate(target, location, label) {
    target.setAttribute('tabindex', '0');
    target.setAttribute('role', 'link');
    target.setAttribute('aria-label', label);
    target.addEventListener('click', () => reveal(location));
    target.addEventListener('keydown', (e) => {
      if (e.key === 'Enter' || e.key === ' ') {
        e.preventDefault();
        reveal(location);
      }
    });
  }

  function select(view) {
    for (const name of views) {
      const chosen = name === view;
      byId(name).hidden = !chosen;
      byId('tab-' + name).setAttribute('aria-selected', String(chosen));
      byId('tab-' + name).tabIndex = chosen ? 0 : -1;
    }
    remembered.view = view;
    vscode.setState(remembered);
  }

  const shown = (step) => current.steps.length <= manySteps || !quiet.has(step.name);
  const title = (step) => step.services[0] ?? step.artifacts[0] ?? step.name;
  const kind = (step) => (/service/.test(step.name) ? 'service' : step.artifacts.length > 0 ? 'artifact' : 'step');

  function drawGraph() {
    const steps = current.steps.filter(shown);
    const nodes = steps.map((step) => ({ id: String(step.id), step }));
    const edges = steps.flatMap((step) =>
      step.dependsOn.map((d) => ({ from: String(d.step), to: String(step.id), cause: d.cause })),
    );
    const { at, width, height } = layoutGraph(nodes, edges, size);
    const picture = svg('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': 'Graph of the plan' });
    for (const edge of edges) {
      const from = at.get(edge.from), to = at.get(edge.to);
      if (from && to) {
        const x1 = from.x + size.width, y1 = from.y + size.height / 2, x2 = to.x, y2 = to.y + size.height / 2;
        const bend = (x2 - x1) / 2;
        picture.append(
          svg('path', { class: 'edge', d: `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}` },
            svg('title', {}, document.createTextNode(edge.cause))),
        );
      }
    }
    const drawn = new Map();
    for (const { id, step } of nodes) {
      const { x, y } = at.get(id);
      const group = svg('g', { class: 'node ' + kind(step), transform: `translate(${x},${y})`, 'data-step': id });
      group.append(
        svg('rect', { width: size.width, height: size.height, rx: 5 }),
        svg('text', { x: 8, y: 18, class: 'title' }, document.createTextNode(clip(title(step), 22))),
        svg('text', { x: 8, y: 35, class: 'detail' }, document.createTextNode(clip(step.name.replaceAll('_', ' '), 26))),
        svg('title', {}, document.createTextNode(step.description)),
      );
      activate(group, step.location, `Step ${step.id}: ${step.description}`);
      group.addEventListener('keydown', (e) => moveFocus(e, id, edges, drawn));
      drawn.set(id, group);
      picture.append(group);
    }
    const hidden = current.steps.length - steps.length;
    byId('graph').replaceChildren(
      steps.length === 0 ? element('p', {}, 'The plan has no steps.') : picture,
      hidden > 0 ? element('p', { className: 'detail' }, `${hidden} prints and checks are in the list of steps only.`) : '',
    );
  }

  // Right and left follow the edges, up and down go through the steps in their order.
  function moveFocus(e, id, edges, drawn) {
    const ids = [...drawn.keys()];
    const next = {
      ArrowRight: () => edges.find((x) => x.from === id)?.to,
      ArrowLeft: () => edges.find((x) => x.to === id)?.from,
      ArrowDown: () => ids[ids.indexOf(id) + 1],
      ArrowUp: () => ids[ids.indexOf(id) - 1],
    }[e.key]?.();
    if (next && drawn.has(next)) {
      e.preventDefault();
      drawn.get(next).focus();
    }
  }

  const clip = (text, n) => (text.length > n ? text.slice(0, n - 1) + '…' : text);

  function drawSteps() {
    const list = element('ol', { className: 'steps' });
    for (const step of current.steps) {
      const item = element('li', { className: 'step', value: step.id },
        element('span', { className: 'description' }, step.description),
        element('code', {}, step.name));
      item.dataset.text = (step.description + ' ' + step.call).toLowerCase();
      activate(item, step.location, `Step ${step.id}: ${step.description}`);
      list.append(item);
    }
    byId('steps').replaceChildren(list);
  }

  function drawServices() {
    const rows = current.services.map((service) => {
      const step = current.steps.find((s) => s.id === service.step);
      const ports = service.ports.map((p) => `${p.id}: ${p.number}/${p.transport}${p.application ? ' ' + p.application : ''}`);
      const files = service.files.map((f) => `${f.path} ← ${f.artifacts.join(', ')}`);
      const name = element('td', {}, service.name);
      activate(name, step?.location, `Service ${service.name}`);
      const row = element('tr', {}, name, element('td', {}, service.image),
        element('td', { className: 'lines' }, ports.join('\n')), element('td', { className: 'lines' }, files.join('\n')));
      row.dataset.text = (service.name + ' ' + service.image).toLowerCase();
      return row;
    });
    const heads = ['Service', 'Image', 'Ports', 'Files'].map((text) => element('th', { scope: 'col' }, text));
    byId('services').replaceChildren(
      element('table', {}, element('thead', {}, element('tr', {}, ...heads)), element('tbody', {}, ...rows)),
    );
  }

  function drawProblems() {
    const { error, problems } = current;
    const items = [...(error ? [error] : []), ...problems].map((problem) => {
      const item = element('div', { className: 'problem' }, problem.message);
      if (problem.hint) {
        item.append(element('div', { className: 'detail' }, problem.hint));
      }
      if (problem.location) {
        activate(item, problem.location, problem.message);
      }
      return item;
    });
    byId('problems').replaceChildren(...items);
  }

  function find() {
    const text = byId('find').value.toLowerCase();
    for (const e of document.querySelectorAll('[data-text]')) {
      e.hidden = text !== '' && !e.dataset.text.includes(text);
    }
    for (const node of document.querySelectorAll('g.node')) {
      const step = current.steps.find((s) => String(s.id) === node.dataset.step);
      const matches = text === '' || (step && (step.description + ' ' + step.call).toLowerCase().includes(text));
      node.classList.toggle('dim', !matches);
    }
  }

  function show({ plan, argsFile, argsFiles, cluster }) {
    const focused = document.activeElement?.dataset?.step;
    if (plan.error) {
      // The last good plan stays in sight, faded, while the text is half typed.
      current = { ...current, error: plan.error, problems: [] };
    } else {
      current = { ...plan, error: undefined };
      drawGraph();
      drawSteps();
      drawServices();
    }
    document.body.classList.toggle('stale', Boolean(plan.error));
    drawProblems();
    if (argsFiles) {
      const option = (file, label) => element('option', { value: file, selected: file === argsFile }, label);
      byId('args').replaceChildren(option('', 'none'), ...argsFiles.map((a) => option(a.file, a.label)));
      byId('cluster').value = cluster;
    }
    const n = (count, word) => `${count} ${word}${count === 1 ? '' : 's'}`;
    byId('summary').textContent = plan.error
      ? 'no plan'
      : [n(current.steps.length, 'step'), n(current.services.length, 'service'), n(current.artifacts.length, 'files artifact')].join(', ');
    find();
    if (focused) {
      document.querySelector(`g.node[data-step="${CSS.escape(focused)}"]`)?.focus();
    }
  }

  for (const [i, name] of views.entries()) {
    const tab = byId('tab-' + name);
    tab.addEventListener('click', () => select(name));
    tab.addEventListener('keydown', (e) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[e.key];
      if (step) {
        const next = views[(i + step + views.length) % views.length];
        select(next);
        byId('tab-' + next).focus();
      }
    });
  }
  byId('args').addEventListener('change', (e) => vscode.postMessage({ type: 'argsFile', file: e.target.value }));
  byId('cluster').addEventListener('change', (e) => vscode.postMessage({ type: 'cluster', cluster: e.target.value }));
  byId('find').addEventListener('input', find);
  window.addEventListener('message', ({ data }) => data.type === 'plan' && show(data));
  select(remembered.view ?? 'graph');
  vscode.postMessage({ type: 'ready' });
})();
