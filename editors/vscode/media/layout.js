// Lays a directed graph out in columns: a node stands right of everything it depends on; within a column nodes
// are ordered by where their neighbours are, so that edges cross less. No dependencies; also loaded by tests.
'use strict';

/**
 * @param {{id: string}[]} nodes
 * @param {{from: string, to: string}[]} edges from what is depended on, to what depends
 * @returns {{columns: string[][], width: number, height: number, at: Map<string, {x: number, y: number}>}}
 */
function layoutGraph(nodes, edges, size = { width: 170, height: 44, gapX: 60, gapY: 14 }) {
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
  const at = new Map();
  let height = 0;
  columns.forEach((ids, c) =>
    ids.forEach((id, r) => {
      at.set(id, { x: 10 + c * (size.width + size.gapX), y: 10 + r * (size.height + size.gapY) });
      height = Math.max(height, 10 + (r + 1) * (size.height + size.gapY));
    }),
  );
  return { columns, at, width: 10 + columns.length * (size.width + size.gapX), height };
}

if (typeof module !== 'undefined') {
  module.exports = { layoutGraph };
}
