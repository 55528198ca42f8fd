// Vitals: what a visitor of a page feels, and the part of the page that is behind it. Read by browsing.py.
// LCP, CLS (the worst session window), INP (the slowest interaction), TTFB, FCP: the definitions of web.dev/articles/vitals.
// First Input Delay is retired (INP took its place among the vitals in March 2024), so it is not looked for.
(() => {
  const RECENT = 1000; // milliseconds before a shift in which its cause must have come about
  const AFTER = 150; // milliseconds after it in which its cause may still be told
  const MOST = 300; // changes that are kept in mind: a page that makes more in a second is not followed further
  const MOST_MADE = 50; // elements whose maker is asked for
  const told = { shifts: [], interactions: {}, frames: [], lcp: null, fcp: null };
  const inserted = new Map(); // by selector, elements that came after the first paint

  const named = (node) => {
    const element = node && node.nodeType !== Node.ELEMENT_NODE ? node.parentElement : node;
    if (!element || !element.tagName) return "";
    const tag = element.tagName.toLowerCase();
    if (tag === "link") return `link[href="${element.getAttribute("href")}"]`;
    if (element.id) return `${tag}#${CSS.escape(element.id)}`;
    const classes = [...element.classList].slice(0, 2).map((one) => `.${CSS.escape(one)}`).join("");
    if (classes || !element.parentElement || element === document.body) return tag + classes;
    return `${named(element.parentElement).split(" > ").slice(-1)} > ${tag}`;
  };
  const watch = (type, take, more = {}) => {
    try {
      new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
    } catch (error) { /* a browser that does not know the type has nothing to say of it */ }
  };

  // What changed of late, as it may move what stands below it.
  let changes = [];
  const note = (how, node, from = node) => {
    if (!performance.getEntriesByName("first-contentful-paint").length) return; // nobody has seen anything that could move
    const now = performance.now();
    changes = changes.filter((one) => now - one.time < RECENT).slice(-MOST);
    changes.push({ how, node, from, time: now });
  };
  const SILENT = new Set(["SCRIPT", "STYLE", "LINK", "META", "TEMPLATE", "TITLE", "HEAD"]);
  new MutationObserver((records) => records.forEach((record) => {
    const at = record.target.nodeType === Node.TEXT_NODE ? record.target.parentElement : record.target;
    if (record.type !== "childList") return at && note("changed", at);
    for (const node of [...record.addedNodes].slice(0, MOST)) {
      if (SILENT.has(node.nodeName)) continue;
      if (node.nodeType !== Node.ELEMENT_NODE) {
        note("changed", at);
        continue;
      }
      note("inserted", node, at);
      if (document.readyState !== "loading" && inserted.size < MOST_MADE) inserted.set(named(node), node);
    }
    for (const node of record.removedNodes) if (node.nodeType === Node.ELEMENT_NODE) note("removed", node, at);
    return undefined;
  })).observe(document, { subtree: true, childList: true, characterData: true, attributeFilter: ["style", "class", "hidden", "width", "height", "open"] });
  const loaded = new WeakMap();
  document.addEventListener("load", ({ target }) => { // a window hears of no load but its own
    loaded.set(target, performance.now());
    if (target.nodeName === "LINK") note("styled", target);
  }, true);
  document.fonts.addEventListener("loadingdone", (event) => { if (event.fontfaces.length) note("font", document.documentElement); });

  const LAYOUT = ["top", "left", "right", "bottom", "width", "height", "margin", "padding", "marginTop", "marginLeft", "marginBottom", "paddingTop", "fontSize"];
  const animated = () => document.getAnimations().find((one) => (
    one.effect && one.effect.target && one.effect.getKeyframes().some((frame) => LAYOUT.some((name) => name in frame))
  ));
  const tall = (node) => (node.isConnected && node.getBoundingClientRect ? node.getBoundingClientRect().height : 0);

  // Images and frames for which nobody kept room, and that came of late: an image takes its room before it is all there.
  const roomless = (since) => [...document.querySelectorAll("img, iframe")]
    .filter((one) => !(one.hasAttribute("width") && one.hasAttribute("height")) && (loaded.get(one) ?? Infinity) > since)
    .map((node) => ({ how: "loaded", node, from: node }));

  // The change behind a shift: the one whose height is nearest to how far things moved; several into one place count together.
  const cause = ({ startTime, sources }) => {
    const moved = Math.max(0, ...sources.map((one) => Math.abs(one.currentRect.top - one.previousRect.top)));
    const victims = new Set(sources.map((one) => one.node));
    const near = changes.filter(({ time, node }) => time < startTime + AFTER && time > startTime - RECENT && node !== document.documentElement);
    const places = new Map();
    for (const one of [...near, ...roomless(startTime - RECENT)]) {
      const key = one.how === "inserted" ? one.from : one.node;
      const known = places.get(key);
      if (known && known.node === one.node && known.how === one.how) continue;
      const height = tall(one.node);
      places.set(key, known && known.how === one.how ? { ...known, height: known.height + height } : { ...one, height });
    }
    const misfit = (one) => Math.abs(one.height - moved) + (victims.has(one.node) && one.how !== "changed" ? moved : 0);
    const [best] = [...places.values()].filter((one) => one.height || one.how === "removed" || one.how === "styled")
      .sort((one, other) => misfit(one) - misfit(other));
    if (best) return { how: best.how, element: named(best.node) || named(best.from) };
    return { how: changes.some((one) => one.how === "font") ? "font" : "", element: "" };
  };

  watch("largest-contentful-paint", (entry) => {
    told.lcp = { time: entry.startTime, element: named(entry.element), url: entry.url };
  });
  watch("paint", (entry) => { if (entry.name === "first-contentful-paint") told.fcp = entry.startTime; });
  watch("layout-shift", (entry) => {
    if (entry.hadRecentInput) return;
    const moved = [...new Set(entry.sources.map((source) => named(source.node)).filter(Boolean))];
    const running = animated();
    const shift = { time: entry.startTime, value: entry.value, moved, how: running ? "animated" : "", element: running ? named(running.effect.target) : "" };
    told.shifts.push(shift);
    if (!running) setTimeout(() => Object.assign(shift, cause(entry)), AFTER); // the news of what came may come later than the jump
  });
  watch("event", (entry) => {
    if (!entry.interactionId) return;
    const known = told.interactions[entry.interactionId];
    if (known && known.duration >= entry.duration) return;
    told.interactions[entry.interactionId] = {
      duration: entry.duration, name: entry.name, target: named(entry.target), time: entry.startTime,
      delay: entry.processingStart - entry.startTime, work: entry.processingEnd - entry.processingStart,
    };
  }, { durationThreshold: 16 });
  watch("long-animation-frame", (entry) => {
    const scripts = entry.scripts.map((script) => ({
      url: script.sourceURL, name: script.sourceFunctionName || script.invoker, duration: script.duration,
    }));
    told.frames.push({ time: entry.startTime, duration: entry.duration, scripts });
  });

  const sizes = (one) => ({
    url: one.name, start: one.startTime, end: one.responseEnd, travelled: one.transferSize, size: one.decodedBodySize,
  });
  const pictures = () => [...document.images].filter((one) => one.naturalWidth > 1 && one.clientWidth > 0).map((one) => ({
    url: one.currentSrc, element: named(one), natural: [one.naturalWidth, one.naturalHeight], shown: [one.clientWidth, one.clientHeight],
  }));
  const marked = () => [...document.querySelectorAll("img, iframe, video, [id], [class]")].slice(0, MOST).map((one) => (
    [named(one), one.getAttribute("id") || one.getAttribute("src") || one.getAttribute("class") || ""]
  ));
  const TOUCHED = "button, input, select, textarea, summary, [role=button], [role=tab], [onclick], a[href^='#']";
  const LEFT_ALONE = ":disabled, [type=hidden], [type=file]";
  const touchable = () => [...new Set([...document.querySelectorAll(TOUCHED), ...heard])].filter((one) => {
    const { width, height } = one.getBoundingClientRect();
    return !one.matches(LEFT_ALONE) && one.checkVisibility() && width && height && width * height < 0.5 * innerWidth * innerHeight;
  });
  const heard = []; // elements that listen, which nobody but the browser can list
  const tell = () => {
    const [page] = performance.getEntriesByType("navigation");
    const resources = performance.getEntriesByType("resource").map((one) => ({
      ...sizes(one), kind: one.initiatorType, blocking: one.renderBlockingStatus === "blocking",
    }));
    const vitals = { ...told, interactions: Object.values(told.interactions), ttfb: page.responseStart, origin: performance.timeOrigin };
    return { ...vitals, resources, document: sizes(page) };
  };
  Object.defineProperty(window, "__bmadp", { value: { tell, inserted, pictures, marked, touchable, heard } });

  // Clicks on all that can be clicked on must not lead away: the page's own listeners have had their turn by now.
  addEventListener("submit", (event) => event.preventDefault());
  addEventListener("click", (event) => {
    const link = event.target.closest && event.target.closest("a[href]");
    if (link && !(link.getAttribute("href") || "").startsWith("#")) event.preventDefault();
  });
})();
