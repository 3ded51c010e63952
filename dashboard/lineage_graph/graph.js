// Draws a lineage graph that Python has laid out, as SVG without any library.
// To Python, each asks for one rerun: expand {id, dir}, columns id, more id (columns), open id,
// field {id, name}, and where the page wants to know, pick id | [source, target] | null.

const HEAD = 46, ROW = 22, MARGIN = 26, FAR = 0.65, TWICE_MS = 350;
const kept = new WeakMap(); // what outlives a redraw, per mounted graph: zoom, place, selection

const ICONS = { // 16 px outlines by kind of asset
  table: "M2 3h12v10H2zM2 6.5h12M6.5 6.5V13",
  view: "M1.5 8s2.4-4 6.5-4 6.5 4 6.5 4-2.4 4-6.5 4-6.5-4-6.5-4zM8 6.4a1.6 1.6 0 1 0 0 3.2 1.6 1.6 0 0 0 0-3.2z",
  file: "M4 1.8h5.2L12 4.6v9.6H4zM9 1.8v3h3",
  topic: "M2 8h3M11 8h3M5 4.2h6v7.6H5zM7.2 8h1.6",
  report: "M2 2.4h12v11.2H2zM5 11V8.4M8 11V5.4M11 11V7",
  notebook: "M4 2h9v12H4zM2.6 4.5H5M2.6 8H5M2.6 11.5H5",
  model: "M8 1.8 14 5v6l-6 3.2L2 11V5zM2 5l6 3.2L14 5M8 8.2v6",
  job: "M8 1.8a6.2 6.2 0 1 0 0 12.4A6.2 6.2 0 0 0 8 1.8zM6.6 5.4 10.6 8l-4 2.6z",
  group: "M3 5.5h10v8H3zM4.5 3.5h7M6 1.8h4",
  dataset: "M2.5 4.2c0-1.2 2.5-2.2 5.5-2.2s5.5 1 5.5 2.2v7.6c0 1.2-2.5 2.2-5.5 2.2s-5.5-1-5.5-2.2zM2.5 4.2c0 1.2 2.5 2.2 5.5 2.2s5.5-1 5.5-2.2M2.5 8c0 1.2 2.5 2.2 5.5 2.2s5.5-1 5.5-2.2",
};

const escaped = text => String(text ?? "").replace(/[&<>"']/g, c => `&#${c.charCodeAt(0)};`);
const ruler = document.createElement("canvas").getContext("2d");

function clipped(text, width, font) {
  ruler.font = font;
  if (ruler.measureText(text).width <= width) return text;
  let low = 0, high = text.length;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (ruler.measureText(text.slice(0, middle) + "…").width <= width) low = middle; else high = middle - 1;
  }
  return text.slice(0, low) + "…";
}

// The end of a name tells more than its beginning.
function tail(text, width, font) {
  const turned = [...text].reverse().join(""), cut = clipped(turned, width, font);
  return cut === turned ? text : [...cut].reverse().join("");
}

function rim(n, dir, count, x) {
  if (!count) return "";
  const where = dir === "up" ? "upstream" : "downstream";
  const told = `+${count.toLocaleString("en")}`, half = Math.max(11, 4 + 3.2 * told.length);
  return `<g class="more near" data-dir="${dir}" role="button" aria-label="Show ${count} more ${where} of ${escaped(n.label)}" transform="translate(${x},${HEAD - 3})">
    <rect x="${-half}" y="-11" width="${2 * half}" height="22" rx="11"/><text y="3.6">${told}</text></g>`;
}

function columnRows(n, font) {
  const rows = (n.columns || []).map((c, i) => {
    const type = clipped(c.type || "", 84, `10.5px ${font}`), room = n.w - 36 - ruler.measureText(type).width;
    return `<g class="column near${c.lit ? " lit" : ""}" data-column="${escaped(c.name)}" role="button" aria-label="Trace column ${escaped(c.name)}" transform="translate(0,${HEAD + i * ROW})">
    <title>${escaped(c.name)} ${escaped(c.type)}</title><rect x="1" width="${n.w - 2}" height="${ROW}"/><line x1="1" x2="${n.w - 1}"/>
    <text x="14" y="15">${escaped(tail(c.name, room, `600 12px ${font}`))}</text>
    <text class="type" x="${n.w - 12}" y="15">${escaped(type)}</text></g>`;
  });
  if (n.more_columns) rows.push(`<g class="column rest near" role="button" aria-label="Show more columns of ${escaped(n.label)}" transform="translate(0,${HEAD + rows.length * ROW})">
    <rect x="1" width="${n.w - 2}" height="${ROW}"/><line x1="1" x2="${n.w - 1}"/><text x="14" y="15">${n.more_columns.toLocaleString("en")} more</text></g>`);
  return rows.join("");
}

function card(n, font) {
  const room = n.w - 44 - (n.findings ? 42 : 12);
  const badge = n.findings ? `<g class="badge ${escaped(n.severity)}" transform="translate(${n.w - 34},9)">
    <rect width="25" height="16" rx="8"/><text x="12.5" y="12">${n.findings}</text></g>` : "";
  const pile = n.kind === "group" ? `<rect class="card under" x="5" y="5" width="${n.w}" height="${n.h}" rx="9"/>` : "";
  return `<g class="node k-${escaped(n.kind)} z-${escaped(n.zone)} c-${escaped(n.change)}${n.root ? " root" : ""}${(n.columns || []).some(c => c.lit) ? " lit" : ""}" data-id="${escaped(n.id)}" transform="translate(${n.x},${n.y - n.h / 2})" tabindex="-1" role="treeitem" aria-label="${escaped(n.aria)}">
    <title>${escaped(n.full)}</title>${pile}
    <rect class="card" width="${n.w}" height="${n.h}" rx="9"/>
    <rect class="icon" x="9" y="9" width="28" height="28" rx="7"/>
    <path class="glyph" transform="translate(15,15)" d="${ICONS[n.kind] || ICONS.dataset}"/>
    <text class="title small" x="44" y="20">${escaped(tail(n.label, room, `600 13px ${font}`))}</text>
    <text class="title big" x="44" y="29">${escaped(tail(n.label, room - (n.count ? 46 : 0), `600 18px ${font}`))}${n.count ? `<tspan class="count" dx="7">${n.count.toLocaleString("en")}</tspan>` : ""}</text>
    <text class="note near" x="44" y="36">${escaped(clipped(n.note, n.w - 56, `11.5px ${font}`))}</text>
    ${badge}${columnRows(n, font)}${rim(n, "up", n.more_up, -3)}${rim(n, "down", n.more_down, n.w + 3)}</g>`;
}

function curve(points) {
  return points.slice(1).reduce((path, [x, y], i) => {
    const [x0, y0] = points[i], half = (x - x0) / 2;
    return `${path}C${x0 + half},${y0} ${x - half},${y} ${x},${y}`;
  }, `M${points[0]}`);
}

const port = (n, right, row = -1) => [right ? n.x + n.w : n.x - 1, n.y - n.h / 2 + (row < 0 ? HEAD / 2 : HEAD + row * ROW + ROW / 2)];

function line(a, b, bends) {
  if (a === b) { // what feeds itself: a loop over its right shoulder
    const [x, y] = port(a, true), top = a.y - a.h / 2;
    return `M${x},${y}C${x + 46},${y} ${x + 30},${top - 34} ${x - 34},${top - 1}`;
  }
  if (b.x <= a.x && !bends.length) { // back to the left: below both, so that it is seen as what it is
    const [x0, y0] = port(a, true), [x1, y1] = port(b, false), low = under(a, b);
    return `M${x0},${y0}C${x0 + 52},${y0} ${x0 + 52},${low} ${x0 - 10},${low}L${x1 + 10},${low}C${x1 - 52},${low} ${x1 - 52},${y1} ${x1},${y1}`;
  }
  return curve([port(a, true), ...bends.map(([x, y]) => [x + a.w / 2, y]), port(b, false)]);
}

const under = (a, b) => Math.max(a.y + a.h / 2, b.y + b.h / 2) + 16;

function middle(a, b, bends) {
  if (a === b) return [a.x + a.w + 18, a.y - a.h / 2 - 14];
  if (b.x <= a.x && !bends.length) return [(a.x + a.w + b.x) / 2, under(a, b)];
  if (bends.length % 2) { const [x, y] = bends[bends.length >> 1]; return [x + a.w / 2, y]; }
  const path = [port(a, true), ...bends.map(([x, y]) => [x + a.w / 2, y]), port(b, false)], i = path.length / 2 - 1;
  return [(path[i][0] + path[i + 1][0]) / 2, (path[i][1] + path[i + 1][1]) / 2];
}

function link(e, i, nodes) {
  const a = nodes.get(e.source), b = nodes.get(e.target), bends = e.bends || [], d = line(a, b, bends);
  const notes = [e.label, e.through ? `via ${e.through} hidden` : ""].filter(Boolean).join(", ");
  const [x, y] = middle(a, b, bends), kinds = [e.look, e.broken && "broken", e.through && "through"].filter(Boolean).join(" ");
  return `<g class="link ${kinds}" data-i="${i}" role="button" aria-label="${escaped(a.label)} into ${escaped(b.label)}${notes ? `, ${escaped(notes)}` : ""}">
    <path class="hit" d="${d}"/><path class="edge" d="${d}"${e.width ? ` style="stroke-width:${e.width}px"` : ""} marker-end="url(#arrow)"/>
    ${notes ? `<text${e.width ? "" : ' class="near"'} x="${x}" y="${y - 4}">${escaped(notes)}</text>` : ""}</g>`;
}

function columnLine(e, nodes) {
  const a = nodes.get(e.source), b = nodes.get(e.target);
  const row = (n, name) => (n.columns || []).findIndex(c => c.name === name);
  const from = port(a, true, row(a, e.source_field)), to = port(b, false, row(b, e.target_field));
  const mark = e.masked ? `<text class="near" x="${(from[0] + to[0]) / 2}" y="${(from[1] + to[1]) / 2 - 4}">masked</text>` : "";
  return `<g class="trace near${e.indirect ? " indirect" : ""}${e.masked ? " masked" : ""}${e.lit ? " lit" : ""}"><path d="${curve([from, to])}"/>${mark}</g>`;
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".board"), svg = root.querySelector(":scope > svg"), view = svg.querySelector(".view");
  let state = kept.get(parentElement);
  if (!state) kept.set(parentElement, state = { k: 0, x: 0, y: 0, selected: null });
  if (state.focus !== data.focus) Object.assign(state, { k: 0, selected: null, focus: data.focus });
  root.style.height = `${data.height}px`;
  const tells = { broken: e => e.broken && !["added", "gone"].includes(e.look), faded: e => e.look === "faded", added: e => e.look === "added", gone: e => e.look === "gone", declared: e => e.look === "declared" };
  for (const [what, holds] of Object.entries(tells)) root.classList.toggle(`has-${what}`, data.edges.some(holds) || data.nodes.some(n => n.change === what));

  const font = getComputedStyle(root).fontFamily, before = state.nodes;
  const nodes = new Map(data.nodes.map(n => [n.id, n]));
  const down = new Map(data.nodes.map(n => [n.id, []])), up = new Map(data.nodes.map(n => [n.id, []]));
  data.edges.forEach((e, i) => { down.get(e.source).push([e.target, i]); up.get(e.target).push([e.source, i]); });
  const focused = root.getRootNode().activeElement?.closest?.(".node")?.dataset.id;
  const said = JSON.stringify([data.nodes, data.edges, data.columns, font]);
  if (said !== state.said) { // else only the selection or the theme changed
    view.innerHTML = `<g>${data.edges.map((e, i) => link(e, i, nodes)).join("")}</g><g>${(data.columns || []).map(e => columnLine(e, nodes)).join("")}</g>
    <g role="tree" aria-label="Assets, ${data.nodes.length} shown">${data.nodes.map(n => card(n, font)).join("")}</g>`;
    state.said = said;
  }
  const drawn = new Map([...view.querySelectorAll(".node")].map(g => [g.dataset.id, g])), paths = [...view.querySelectorAll(".link")];
  state.nodes = nodes;

  const wide = () => root.clientWidth, high = () => root.clientHeight;
  const apply = () => {
    view.setAttribute("transform", `translate(${state.x},${state.y}) scale(${state.k})`);
    svg.classList.toggle("far", state.k < FAR);
    root.classList.toggle("narrow", wide() < 620);
  };
  const centre = (id, k) => {
    const n = nodes.get(id);
    Object.assign(state, { k, x: wide() / 2 - (n.x + n.w / 2) * k, y: high() / 2 - (n.y - n.h / 2 + Math.min(n.h, high() / k - 80) / 2) * k });
    apply();
  };
  const bounds = () => {
    const all = [...nodes.values()];
    return [Math.min(...all.map(n => n.x)) - MARGIN, Math.max(...all.map(n => n.x + n.w)) + MARGIN,
      Math.min(...all.map(n => n.y - n.h / 2)), Math.max(...all.map(n => n.y + n.h / 2))];
  };
  // Everything, if it can still be read; otherwise the focus, large enough.
  const fit = smallest => {
    if (!nodes.size) return;
    const [left, right, top, bottom] = bounds();
    const k = Math.min(1, (wide() - 24) / (right - left), (high() - 96) / (bottom - top));
    if (k < smallest) return centre(nodes.has(data.focus) ? data.focus : data.nodes[0].id, smallest);
    Object.assign(state, { k, x: (wide() - (left + right) * k) / 2, y: (high() - (top + bottom) * k) / 2 });
    apply();
  };
  const zoom = (factor, cx = wide() / 2, cy = high() / 2) => {
    const k = Math.min(2.2, Math.max(0.05, state.k * factor));
    Object.assign(state, { x: cx - (cx - state.x) * k / state.k, y: cy - (cy - state.y) * k / state.k, k });
    apply();
  };
  const reach = (id, along) => {
    const seen = new Set([id]), edges = new Set(), queue = [id];
    while (queue.length) for (const [next, i] of along.get(queue.pop())) {
      edges.add(i);
      if (!seen.has(next)) { seen.add(next); queue.push(next); }
    }
    return [seen, edges];
  };
  const isEdge = Array.isArray;
  const picked = data.picked ?? null; // what Python holds counts where it changed: a link was opened
  if (data.picks && JSON.stringify(picked) !== state.told) { state.told = JSON.stringify(picked); state.selected = picked; }
  const paint = () => {
    const id = !isEdge(state.selected) && nodes.has(state.selected) ? state.selected : null, nothing = [new Set(), new Set()];
    const walks = id && !data.traced;
    const [upper, upperEdges] = walks ? reach(id, up) : nothing, [lower, lowerEdges] = walks ? reach(id, down) : nothing;
    const chosen = isEdge(state.selected) ? data.edges.findIndex(e => e.source === state.selected[0] && e.target === state.selected[1]) : -1;
    svg.classList.toggle("focus", Boolean(id) && !data.traced);
    svg.classList.toggle("tracing", Boolean(data.traced));
    for (const [key, g] of drawn) {
      g.classList.toggle("selected", key === id);
      g.classList.toggle("up", key !== id && upper.has(key));
      g.classList.toggle("down", key !== id && lower.has(key));
      g.setAttribute("aria-selected", key === id);
      g.setAttribute("tabindex", key === (id ?? data.focus ?? data.nodes[0]?.id) ? "0" : "-1");
    }
    paths.forEach((p, i) => { p.classList.toggle("up", upperEdges.has(i)); p.classList.toggle("down", lowerEdges.has(i)); p.classList.toggle("selected", i === chosen); });
    root.querySelector('[data-act="open"]').disabled = !isAsset(id) || (!data.picks && id === data.focus);
    root.querySelector('[data-act="columns"]').disabled = !isAsset(current());
  };
  const select = what => {
    const is = JSON.stringify(what);
    if (data.picks && is !== JSON.stringify(state.selected ?? null)) { state.told = is; setTriggerValue("pick", { what }); }
    state.selected = what;
    paint();
  };
  const current = () => !isEdge(state.selected) && nodes.has(state.selected) ? state.selected : nodes.has(data.focus) ? data.focus : data.nodes[0]?.id;
  const isAsset = id => id && nodes.get(id)?.kind !== "group";
  const open = id => { if (isAsset(id) && (data.picks || id !== data.focus)) setTriggerValue("open", id); };
  const columns = id => { if (isAsset(id)) { state.anchor = id; setTriggerValue("columns", id); } };

  const was = before?.get(state.anchor), now = nodes.get(state.anchor);
  if (!state.k) fit(data.nearest);
  else {
    if (was && now) { // what was expanded stays under the pointer
      state.x += (was.x - now.x) * state.k;
      state.y += (was.y - was.h / 2 - now.y + now.h / 2) * state.k;
      const [left, right, top, bottom] = bounds(); // unless there is room for everything
      if ((right - left) * state.k <= wide()) state.x = (wide() - (left + right) * state.k) / 2;
      if ((bottom - top) * state.k <= high() - 90) state.y = (high() - (top + bottom) * state.k) / 2;
    }
    apply();
  }
  state.anchor = null;
  paint();
  if (focused) drawn.get(focused)?.focus({ preventScroll: true });

  // Assigned, never added: this function runs again whenever data or theme change.
  let drag = null;
  svg.onpointerdown = e => { if (!e.button) drag = { x: e.clientX, y: e.clientY, ox: state.x, oy: state.y, moved: false }; };
  svg.onpointermove = e => {
    if (!drag) return;
    const dx = e.clientX - drag.x, dy = e.clientY - drag.y;
    if (!drag.moved && Math.hypot(dx, dy) < 4) return;
    if (!drag.moved) { drag.moved = true; svg.setPointerCapture(e.pointerId); svg.classList.add("drag"); }
    state.x = drag.ox + dx; state.y = drag.oy + dy; apply();
  };
  svg.onpointerup = svg.onpointercancel = () => { svg.classList.remove("drag"); setTimeout(() => { drag = null; }); };
  svg.onclick = e => {
    if (drag?.moved) return;
    const more = e.target.closest(".more"), node = e.target.closest(".node"), column = e.target.closest(".column"), edge = e.target.closest(".link");
    const id = node?.dataset.id ?? null, isTwice = id && state.clicked === id && e.timeStamp - state.clickedAt < TWICE_MS;
    Object.assign(state, { clicked: id, clickedAt: e.timeStamp }); // a rerun between two clicks hides a double click
    if (more) expand(id, more.dataset.dir);
    else if (column) { state.anchor = id; if (column.matches(".rest")) setTriggerValue("more", id); else if (data.picks) setTriggerValue("field", { id, name: column.dataset.column }); }
    else if (isTwice) columns(id);
    else if (edge && data.picks) { const at = data.edges[edge.dataset.i]; select([at.source, at.target]); }
    else select(id);
  };
  root.onwheel = e => { // plain scrolling scrolls the page
    if (!(e.ctrlKey || e.metaKey)) return;
    e.preventDefault();
    const box = svg.getBoundingClientRect();
    zoom(Math.exp(-e.deltaY * 0.0016), e.clientX - box.left, e.clientY - box.top);
  };
  const closest = (candidates, to) => candidates.sort((a, b) => Math.abs(a.y - to.y) - Math.abs(b.y - to.y))[0];
  const beside = (id, key) => {
    const n = nodes.get(id);
    if (key === "ArrowRight") return closest(down.get(id).map(([v]) => nodes.get(v)), n);
    if (key === "ArrowLeft") return closest(up.get(id).map(([v]) => nodes.get(v)), n);
    const sign = key === "ArrowDown" ? 1 : -1;
    return closest(data.nodes.filter(v => Math.abs(v.x - n.x) < 5 && (v.y - n.y) * sign > 0), n);
  };
  const walk = key => {
    const n = beside(current(), key);
    if (!n) return;
    select(n.id);
    drawn.get(n.id).focus({ preventScroll: true });
    const x = n.x * state.k + state.x, y = n.y * state.k + state.y;
    if (x < 20 || x + n.w * state.k > wide() - 20 || y < 40 || y > high() - 40) centre(n.id, state.k);
  };
  const nextEdge = () => { // the edges of a card, one after another
    const id = isEdge(state.selected) ? state.edgesOf : current(), all = data.edges.filter(e => e.source === id || e.target === id);
    const at = isEdge(state.selected) ? all.findIndex(e => e.source === state.selected[0] && e.target === state.selected[1]) : -1;
    if (all.length && data.picks) { state.edgesOf = id; const e = all[(at + 1) % all.length]; select([e.source, e.target]); }
  };
  const expand = (id, dir) => { if (nodes.get(id)?.[`more_${dir}`]) { state.anchor = id; setTriggerValue("expand", { id, dir }); } };
  const keys = {
    u: () => expand(current(), "up"), d: () => expand(current(), "down"),
    ArrowLeft: walk, ArrowRight: walk, ArrowUp: walk, ArrowDown: walk,
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: () => fit(0.05),
    Enter: () => open(current()), c: () => columns(current()), C: () => columns(current()), e: nextEdge, E: nextEdge, Escape: () => select(null),
  };
  root.onkeydown = e => {
    if (!nodes.size || e.target.closest("button") || e.ctrlKey || e.metaKey || e.altKey || !keys[e.key]) return;
    e.preventDefault();
    keys[e.key](e.key);
  };
  const acts = { in: () => zoom(1.3), out: () => zoom(0.77), fit: () => fit(0.05), open: () => open(state.selected), columns: () => columns(current()) };
  for (const button of root.querySelectorAll("[data-act]")) button.onclick = () => acts[button.dataset.act]();

  state.watch?.disconnect();
  state.watch = new ResizeObserver(() => {
    if (state.width !== undefined && Math.abs(wide() - state.width) > 2) fit(data.nearest);
    state.width = wide();
  });
  state.watch.observe(root);
  root.dataset.nodes = data.nodes.length;
  return () => state.watch.disconnect();
}
