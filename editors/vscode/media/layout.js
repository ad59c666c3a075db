// Lays a directed graph out in layers: a node stands right of everything it depends on, or below it; within a layer
// nodes are ordered by where their neighbours are, so that edges cross less. No dependencies; also loaded by tests.
'use strict';

/**
 * @param {{id: string}[]} nodes
 * @param {{from: string, to: string}[]} edges from what is depended on, to what depends
 * @param {{width: number, height: number, gapX: number, gapY: number}} size of a node, and between layers and neighbours
 * @param {number} available how wide the picture may be: it goes right where that fits, else right or down, whichever is narrower
 * @returns {{columns: string[][], width: number, height: number, down: boolean, at: Map<string, {x: number, y: number}>}}
 */
function layoutGraph(nodes, edges, size = { width: 170, height: 44, gapX: 60, gapY: 14 }, available = Infinity) {
  const column = new Map(nodes.map((n) => [n.id, 0]));
  const before = new Map(nodes.map((n) => [n.id, []]));
  const after = new Map(nodes.map((n) => [n.id, []]));
  for (const e of edges) {
    if (column.has(e.from) && column.has(e.to) && e.from !== e.to) {
      before.get(e.to).push(e.from);
      after.get(e.from).push(e.to);
    }
  }
  // Longest path from the sources; a node is settled once all it depends on are, so a cycle cannot hang this.
  const waiting = new Map([...before].map(([id, list]) => [id, list.length]));
  const queue = nodes.filter((n) => waiting.get(n.id) === 0).map((n) => n.id);
  for (let i = 0; i < queue.length; i++) {
    for (const next of after.get(queue[i])) {
      column.set(next, Math.max(column.get(next), column.get(queue[i]) + 1));
      waiting.set(next, waiting.get(next) - 1);
      if (waiting.get(next) === 0) {
        queue.push(next);
      }
    }
  }
  const columns = [];
  for (const n of nodes) {
    const c = column.get(n.id);
    (columns[c] ??= []).push(n.id);
  }
  for (let c = 0; c < columns.length; c++) {
    columns[c] ??= [];
  }
  const row = new Map();
  const number = () => columns.forEach((ids) => ids.forEach((id, i) => row.set(id, i)));
  number();
  const mean = (id, neighbours) => {
    const list = neighbours.get(id);
    return list.length === 0 ? row.get(id) : list.reduce((sum, n) => sum + row.get(n), 0) / list.length;
  };
  for (let sweep = 0; sweep < 4; sweep++) {
    const neighbours = sweep % 2 === 0 ? before : after;
    const order = sweep % 2 === 0 ? columns : [...columns].reverse();
    for (const ids of order) {
      const key = new Map(ids.map((id) => [id, mean(id, neighbours)]));
      ids.sort((a, b) => key.get(a) - key.get(b));
      ids.forEach((id, i) => row.set(id, i));
    }
  }
  const margin = 10;
  const widest = Math.max(0, ...columns.map((ids) => ids.length));
  const right = margin + columns.length * (size.width + size.gapX);
  const across = size.width + size.gapY;
  const down = right > available && margin + widest * across < right;
  // Going down, a layer is a row, in the middle of the widest one.
  const place = down
    ? (c, r) => ({ x: margin + (r + (widest - columns[c].length) / 2) * across, y: margin + c * (size.height + size.gapX * 0.6) })
    : (c, r) => ({ x: margin + c * (size.width + size.gapX), y: margin + r * (size.height + size.gapY) });
  const at = new Map();
  let width = 0, height = 0;
  columns.forEach((ids, c) =>
    ids.forEach((id, r) => {
      const p = place(c, r);
      at.set(id, p);
      width = Math.max(width, p.x + size.width + margin);
      height = Math.max(height, p.y + size.height + margin);
    }),
  );
  return { columns, at, down, width, height };
}

if (typeof module !== 'undefined') {
  module.exports = { layoutGraph };
}
