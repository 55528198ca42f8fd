// Vitals: what a visitor of a page feels, and the part of the page that is behind it. Read by pages.py.
// LCP, CLS (the worst session window), INP (the slowest interaction), TTFB, FCP: the definitions of web.dev/articles/vitals.
(() => {
  const told = { shifts: [], interactions: {}, frames: [], lcp: null, fcp: null };
  const named = (node) => {
    if (!node || !node.tagName) return "";
    const id = node.id ? `#${node.id}` : "";
    const classes = typeof node.className === "string" && node.className ? `.${node.className.trim().split(/\s+/).slice(0, 2).join(".")}` : "";
    return node.tagName.toLowerCase() + id + (id ? "" : classes);
  };
  const watch = (type, take, more = {}) => {
    try {
      new PerformanceObserver((list) => list.getEntries().forEach(take)).observe({ type, buffered: true, ...more });
    } catch (error) { /* a browser that does not know the type has nothing to say of it */ }
  };
  watch("largest-contentful-paint", (entry) => {
    told.lcp = { time: entry.startTime, element: named(entry.element), url: entry.url, size: entry.size, load: entry.loadTime };
  });
  watch("paint", (entry) => { if (entry.name === "first-contentful-paint") told.fcp = entry.startTime; });
  watch("layout-shift", (entry) => {
    if (entry.hadRecentInput) return;
    const sources = (entry.sources || []).map((source) => named(source.node)).filter(Boolean);
    told.shifts.push({ time: entry.startTime, value: entry.value, sources });
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
    const scripts = (entry.scripts || []).map((script) => ({
      invoker: script.invoker, url: script.sourceURL, name: script.sourceFunctionName, at: script.sourceCharPosition,
      duration: script.duration,
    }));
    told.frames.push({ time: entry.startTime, duration: entry.duration, blocking: entry.blockingDuration, scripts });
  });
  window.__bmadp = () => {
    const page = performance.getEntriesByType("navigation")[0];
    const resources = performance.getEntriesByType("resource").map((one) => ({
      url: one.name, kind: one.initiatorType, start: one.startTime, end: one.responseEnd,
      travelled: one.transferSize, encoded: one.encodedBodySize, size: one.decodedBodySize, blocking: one.renderBlockingStatus === "blocking",
    }));
    return { ...told, interactions: Object.values(told.interactions), resources, ttfb: page ? page.responseStart : null,
      loaded: page ? page.loadEventEnd : null, document: page ? { travelled: page.transferSize, size: page.decodedBodySize } : null };
  };
})();
