// Draws a lineage graph that Python has laid out, as SVG without any library.
// To Python: expand {id, dir}, columns id, open id; each asks for one rerun.

const HEAD = 46, ROW = 22, NEAREST = 0.75, MARGIN = 26;
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

function rim(n, dir, count, x) {
  if (!count) return "";
  const where = dir === "up" ? "upstream" : "downstream";
  return `<g class="more near" data-dir="${dir}" role="button" aria-label="Show ${count} more ${where} of ${escaped(n.label)}" transform="translate(${x},${HEAD / 2})">
    <circle r="12"/><text y="3.6">+${count > 99 ? "99" : count}</text></g>`;
}

function columnRows(n, font) {
  return (n.columns || []).map((c, i) => `<g class="column near" transform="translate(0,${HEAD + i * ROW})">
    <line x1="1" x2="${n.w - 1}"/><text x="14" y="15">${escaped(clipped(c.name, n.w - 110, `12px ${font}`))}</text>
    <text class="type" x="${n.w - 12}" y="15">${escaped(clipped(c.type || "", 84, `10.5px ${font}`))}</text></g>`).join("");
}

function card(n, font) {
  const room = n.w - 44 - (n.findings ? 42 : 12);
  const badge = n.findings ? `<g class="badge ${escaped(n.severity)}" transform="translate(${n.w - 34},9)">
    <rect width="25" height="16" rx="8"/><text x="12.5" y="12">${n.findings}</text></g>` : "";
  return `<g class="node k-${escaped(n.kind)} z-${escaped(n.zone)}${n.root ? " root" : ""}" data-id="${escaped(n.id)}" transform="translate(${n.x},${n.y - n.h / 2})" tabindex="-1" role="treeitem" aria-label="${escaped(n.aria)}">
    <title>${escaped(n.full)}</title>
    <rect class="card" width="${n.w}" height="${n.h}" rx="9"/>
    <rect class="icon" x="9" y="9" width="28" height="28" rx="7"/>
    <path class="glyph" transform="translate(15,15)" d="${ICONS[n.kind] || ICONS.dataset}"/>
    <text class="title" x="44" y="20">${escaped(clipped(n.label, room, `600 13px ${font}`))}</text>
    <text class="note near" x="44" y="36">${escaped(clipped(n.note, n.w - 56, `11.5px ${font}`))}</text>
    ${badge}${columnRows(n, font)}${rim(n, "up", n.more_up, -12)}${rim(n, "down", n.more_down, n.w + 12)}</g>`;
}

function curve(points) {
  return points.slice(1).reduce((path, [x, y], i) => {
    const [x0, y0] = points[i], half = (x - x0) / 2;
    return `${path}C${x0 + half},${y0} ${x - half},${y} ${x},${y}`;
  }, `M${points[0]}`);
}

function line(a, b, bends) {
  const from = [a.x + a.w, a.y - a.h / 2 + HEAD / 2], to = [b.x - 1, b.y - b.h / 2 + HEAD / 2];
  return curve([from, ...bends.map(([x, y]) => [x + a.w / 2, y]), to]);
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".board"), svg = root.querySelector(":scope > svg"), view = svg.querySelector(".view");
  let state = kept.get(parentElement);
  if (!state) kept.set(parentElement, state = { k: 0, x: 0, y: 0, selected: null });
  if (state.focus !== data.focus) Object.assign(state, { k: 0, selected: null, focus: data.focus });
  root.style.height = `${data.height}px`;
  root.classList.toggle("has-broken", data.edges.some(e => e.broken));

  const font = getComputedStyle(root).fontFamily, before = state.nodes;
  const nodes = new Map(data.nodes.map(n => [n.id, n]));
  const down = new Map(data.nodes.map(n => [n.id, []])), up = new Map(data.nodes.map(n => [n.id, []]));
  data.edges.forEach((e, i) => { down.get(e.source).push([e.target, i]); up.get(e.target).push([e.source, i]); });
  const focused = root.getRootNode().activeElement?.closest?.(".node")?.dataset.id;
  view.innerHTML = `<g>${data.edges.map(e => `<path class="edge${e.broken ? " broken" : ""}" d="${line(nodes.get(e.source), nodes.get(e.target), e.bends)}" marker-end="url(#arrow)"/>`).join("")}</g>
    <g role="tree" aria-label="Assets, ${data.nodes.length} shown">${data.nodes.map(n => card(n, font)).join("")}</g>`;
  const drawn = new Map([...view.querySelectorAll(".node")].map(g => [g.dataset.id, g])), paths = [...view.querySelectorAll(".edge")];
  state.nodes = nodes;

  const wide = () => root.clientWidth, high = () => root.clientHeight;
  const apply = () => {
    view.setAttribute("transform", `translate(${state.x},${state.y}) scale(${state.k})`);
    svg.classList.toggle("far", state.k < 0.5);
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
  const paint = () => {
    const id = nodes.has(state.selected) ? state.selected : null, nothing = [new Set(), new Set()];
    const [upper, upperEdges] = id ? reach(id, up) : nothing, [lower, lowerEdges] = id ? reach(id, down) : nothing;
    svg.classList.toggle("focus", Boolean(id));
    for (const [key, g] of drawn) {
      g.classList.toggle("selected", key === id);
      g.classList.toggle("up", key !== id && upper.has(key));
      g.classList.toggle("down", key !== id && lower.has(key));
      g.setAttribute("aria-selected", key === id);
      g.setAttribute("tabindex", key === (id ?? data.focus ?? data.nodes[0]?.id) ? "0" : "-1");
    }
    paths.forEach((p, i) => { p.classList.toggle("up", upperEdges.has(i)); p.classList.toggle("down", lowerEdges.has(i)); });
    root.querySelector('[data-act="open"]').disabled = !id || id === data.focus;
  };
  const select = id => { state.selected = id; paint(); };
  const current = () => nodes.has(state.selected) ? state.selected : data.focus;
  const open = id => { if (id && id !== data.focus) setTriggerValue("open", id); };
  const columns = id => { if (id) { state.anchor = id; setTriggerValue("columns", id); } };

  const was = before?.get(state.anchor), now = nodes.get(state.anchor);
  if (!state.k) fit(NEAREST);
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
    const more = e.target.closest(".more"), node = e.target.closest(".node");
    if (more) { state.anchor = node.dataset.id; setTriggerValue("expand", { id: node.dataset.id, dir: more.dataset.dir }); }
    else select(node ? node.dataset.id : null);
  };
  svg.ondblclick = e => { const node = e.target.closest(".node"); if (node && !e.target.closest(".more")) columns(node.dataset.id); };
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
  const keys = {
    ArrowLeft: walk, ArrowRight: walk, ArrowUp: walk, ArrowDown: walk,
    "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: () => fit(0.05),
    Enter: () => open(current()), c: () => columns(current()), C: () => columns(current()), Escape: () => select(null),
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
    if (state.width !== undefined && Math.abs(wide() - state.width) > 2) fit(NEAREST);
    state.width = wide();
  });
  state.watch.observe(root);
  root.dataset.nodes = data.nodes.length;
  return () => state.watch.disconnect();
}
