/* Costs: the one chart of the page. The table beneath says the same without it. */
(() => {
  "use strict";

  const select = document.getElementById("costs-campaign");
  select?.addEventListener("change", () => select.form.requestSubmit());

  const place = document.getElementById("spend-chart");
  const source = document.getElementById("spend-series");
  if (!place || !source || !window.uPlot) return;
  const points = JSON.parse(source.textContent);
  const isDaily = place.dataset.daily === "yes";
  const SECOND = 1000;
  const HEIGHT = 240;

  const days = points.map(([on]) => Date.parse(`${on}T00:00:00Z`) / SECOND);
  const spent = points.map(([, amount]) => amount);
  let sum = 0;
  const total = spent.map((amount) => (sum += amount));
  // one lonely bar needs air on both sides
  const step = isDaily ? 86400 : 86400 * 30;

  const usd = (amount) => `$${amount.toFixed(amount > 0 && amount < 0.01 ? 4 : 2)}`;
  const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const named = (seconds) => new Date(seconds * SECOND).toLocaleDateString("en-GB", isDaily
    ? { day: "numeric", month: "short", timeZone: "UTC" }
    : { month: "short", year: "numeric", timeZone: "UTC" });

  const options = () => {
    const axis = { stroke: colour("--ink-2"), grid: { stroke: colour("--line"), width: 1 }, ticks: { show: false }, font: `12px "Instrument Sans", sans-serif` };
    return {
      width: Math.max(place.clientWidth, 280),
      height: HEIGHT,
      tzDate: (seconds) => window.uPlot.tzDate(new Date(seconds * SECOND), "UTC"),
      scales: { x: { range: [days[0] - step, days.at(-1) + step] }, y: { range: (_, __, most) => [0, (most || 1) * 1.1] }, total: { range: (_, __, most) => [0, (most || 1) * 1.1] } },
      cursor: { drag: { x: false, y: false }, points: { show: false } },
      legend: { live: true },
      axes: [
        { ...axis, grid: { show: false }, values: (_, ticks) => ticks.map(named) },
        { ...axis, size: 64, values: (_, ticks) => ticks.map(usd) },
        { ...axis, scale: "total", side: 1, size: 64, grid: { show: false }, values: (_, ticks) => ticks.map(usd) },
      ],
      series: [
        { label: isDaily ? "Day" : "Month", value: (_, seconds) => (seconds == null ? "" : named(seconds)) },
        { label: isDaily ? "Spent that day" : "Spent that month", fill: colour("--ink-3"), stroke: colour("--ink-3"), width: 0, paths: window.uPlot.paths.bars({ size: [0.7, 28] }), points: { show: false }, value: (_, amount) => (amount == null ? "" : usd(amount)) },
        { label: "Together", scale: "total", stroke: colour("--accent"), width: 2, points: { show: points.length === 1 }, value: (_, amount) => (amount == null ? "" : usd(amount)) },
      ],
    };
  };

  let chart = null;
  const draw = () => {
    chart?.destroy();
    chart = new window.uPlot(options(), [days, spent, total], place);
  };
  draw();
  document.addEventListener("loupe:theme", draw);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", draw);
  new ResizeObserver(() => chart?.setSize({ width: Math.max(place.clientWidth, 280), height: HEIGHT })).observe(place);
})();
