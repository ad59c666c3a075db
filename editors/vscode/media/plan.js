// The page of the plan panel. Everything it shows comes as one `plan` message and is built with DOM calls, never
// as markup, so that nothing in a package can become part of the page.
'use strict';
(() => {
  const vscode = acquireVsCodeApi();
  const byId = (id) => document.getElementById(id);
  const views = ['graph', 'steps', 'services'];
  const size = { width: 190, height: 48, gapX: 60, gapY: 16 };
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
  const adds = (step) => step.name === 'add_service' || step.name === 'add_services';
  const kind = (step) => (adds(step) ? 'service' : step.artifacts.length > 0 ? 'artifact' : 'step');
  const words = (step) => step.name.replaceAll('_', ' ');

  function title(step) {
    const names = kind(step) === 'artifact' ? step.artifacts : step.services;
    return names.length > 0 ? names.join(', ') : words(step);
  }

  // What a node says below its title: a service's image and ports, else what the step does.
  function detail(step) {
    const made = adds(step) ? current.services.filter((s) => s.step === step.id) : [];
    if (made.length === 0) {
      return words(step);
    }
    const images = [...new Set(made.map((s) => s.image))];
    const ports = [...new Set(made.flatMap((s) => s.ports.map((p) => p.number)))];
    return [images.join(', '), ports.map((n) => ':' + n).join(' ')].join(' ').trim();
  }

  function drawGraph() {
    const steps = current.steps.filter(shown);
    const nodes = steps.map((step) => ({ id: String(step.id), step }));
    const edges = steps.flatMap((step) =>
      step.dependsOn.map((d) => ({ from: String(d.step), to: String(step.id), cause: d.cause })),
    );
    const { at, down, width, height } = layoutGraph(nodes, edges, size, document.body.clientWidth - 16);
    const picture = svg('svg', { width, height, viewBox: `0 0 ${width} ${height}`, role: 'group', 'aria-label': 'Graph of the plan' });
    picture.append(
      svg('defs', {}, svg('marker', { id: 'arrow', viewBox: '0 0 8 8', refX: 7, refY: 4, markerWidth: 7, markerHeight: 7, orient: 'auto' },
        svg('path', { class: 'arrow', d: 'M0,0 L8,4 L0,8 z' }))),
    );
    for (const edge of edges) {
      const from = at.get(edge.from), to = at.get(edge.to);
      if (from && to) {
        picture.append(
          svg('path', { class: 'edge', d: line(from, to, down), 'marker-end': 'url(#arrow)' },
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
        svg('text', { x: 12, y: 20, class: 'title' }, document.createTextNode(clip(title(step), 23))),
        svg('text', { x: 12, y: 38, class: 'detail' }, document.createTextNode(clip(detail(step), 28))),
        svg('title', {}, document.createTextNode(step.description)),
      );
      activate(group, step.location, `Step ${step.id}: ${step.description}`);
      group.addEventListener('keydown', (e) => moveFocus(e, id, edges, drawn));
      drawn.set(id, group);
      picture.append(group);
    }
    const hidden = current.steps.length - steps.length;
    const { scrollLeft, scrollTop } = byId('graph');
    byId('graph').replaceChildren(
      steps.length === 0 ? element('p', {}, 'The plan has no steps.') : picture,
      hidden > 0 ? element('p', { className: 'detail' }, `${hidden} prints and checks are in the list of steps only.`) : '',
    );
    Object.assign(byId('graph'), { scrollLeft, scrollTop });
  }

  function line(from, to, down) {
    if (down) {
      const x1 = from.x + size.width / 2, y1 = from.y + size.height, x2 = to.x + size.width / 2, y2 = to.y - 1;
      const bend = (y2 - y1) / 2;
      return `M${x1},${y1} C${x1},${y1 + bend} ${x2},${y2 - bend} ${x2},${y2}`;
    }
    const x1 = from.x + size.width, y1 = from.y + size.height / 2, x2 = to.x - 1, y2 = to.y + size.height / 2;
    const bend = (x2 - x1) / 2;
    return `M${x1},${y1} C${x1 + bend},${y1} ${x2 - bend},${y2} ${x2},${y2}`;
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
      const to = { ArrowRight: i + 1, ArrowLeft: i - 1, Home: 0, End: views.length - 1 }[e.key];
      if (to !== undefined) {
        e.preventDefault();
        const next = views[(to + views.length) % views.length];
        select(next);
        byId('tab-' + next).focus();
      }
    });
  }
  byId('args').addEventListener('change', (e) => vscode.postMessage({ type: 'argsFile', file: e.target.value }));
  byId('cluster').addEventListener('change', (e) => vscode.postMessage({ type: 'cluster', cluster: e.target.value }));
  byId('find').addEventListener('input', find);
  window.addEventListener('message', ({ data }) => data.type === 'plan' && show(data));
  let resized;
  window.addEventListener('resize', () => {
    cancelAnimationFrame(resized);
    resized = requestAnimationFrame(() => {
      drawGraph();
      find();
    });
  });
  select(remembered.view ?? 'graph');
  vscode.postMessage({ type: 'ready' });
})();
