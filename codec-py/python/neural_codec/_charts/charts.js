// Charts by uPlot that every page shares: points of rate against quality, and values along time. Colors are the page's own.
"use strict";
const Charts = (() => {
  const color = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();
  const element = (tag, className, text) => {
    const made = document.createElement(tag);
    if (className) made.className = className;
    if (text != null) made.textContent = text;
    return made;
  };
  const short = (value) => {
    const size = Math.abs(value);
    const [by, unit] = size >= 1e6 ? [1e6, "M"] : size >= 1e4 ? [1e3, "k"] : [1, ""];
    return String(+(value / by).toPrecision(size / by >= 1000 ? 4 : 3)) + unit;
  };
  const clock = (seconds) => {
    const whole = Math.floor(seconds + 1e-9), rest = seconds - whole;
    const text = `${Math.floor(whole / 60)}:${String(whole % 60).padStart(2, "0")}`;
    return rest > 0.004 ? text + rest.toFixed(2).slice(1) : text;
  };
  // Steps of an axis of time, in seconds.
  const ROUND = [0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200];
  // Of an axis of frames.
  const WHOLE = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000, 50_000, 100_000, 200_000, 500_000, 1_000_000];
  const FONT = "12px system-ui, sans-serif";
  const axis = (label, more) => ({
    label, font: FONT, labelFont: FONT, labelSize: 20, stroke: color("--soft"),
    grid: { stroke: color("--grid"), width: 1 }, ticks: { stroke: color("--grid"), width: 1, size: 5 }, ...more,
  });

  // Makes the chart of a place, and makes it anew when the colors change; its width follows that of the place.
  function mount(place, make) {
    let chart = make();
    new ResizeObserver(() => {
      const width = place.clientWidth;
      if (width > 0 && width !== chart.width) chart.setSize({ width, height: chart.height });
    }).observe(place);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { chart.destroy(); chart = make(); });
    return () => chart;
  }

  // Round numbers between the ends of a logarithmic axis.
  function steps(chart, _, low, high) {
    const found = (marks) => {
      const out = [];
      for (let power = Math.floor(Math.log10(low)); power <= Math.ceil(Math.log10(high)); power++)
        for (const mark of marks) if (mark * 10 ** power >= low && mark * 10 ** power <= high) out.push(mark * 10 ** power);
      return out;
    };
    const most = Math.max(3, chart.width / 70);
    const fitting = [[1, 1.5, 2, 3, 4, 5, 6, 7, 8, 9], [1, 2, 3, 5, 7], [1, 2, 5], [1, 3], [1]].map(found);
    return fitting.find((marks) => marks.length <= most) || fitting[4];
  }

  const padded = (share, least) => (_, low, high) => {
    const pad = Math.max((high - low) * share, least);
    return [low - pad, high + pad];
  };

  // points: [{x, y, group, text: [lines]}], where group is a number of groups: [{label, color, size, line, hollow}]; x is
  // logarithmic. The nearest point tells its text on hover, and by the arrow keys; `pick` hears of clicks and Enter.
  function scatter(place, { points, groups, x, y, height = 340, pick }) {
    const known = points.filter((each) => each.x > 0 && each.y != null).sort((a, b) => a.x - b.x);
    place.replaceChildren();
    place.dataset.points = known.length;
    if (!known.length) { place.append(element("p", "note", "Nothing to show yet.")); return null; }
    const tip = element("div", "tip"), ring = element("div", "ring");
    tip.setAttribute("role", "status");
    tip.hidden = ring.hidden = true;
    const data = [known.map((each) => each.x), ...groups.map((_, at) => known.map((each) => (each.group === at ? each.y : null)))];
    let at = -1;
    function show(chart, index) {
      at = index;
      tip.hidden = ring.hidden = index < 0;
      if (index < 0) return;
      const each = known[index], over = chart.over;
      const left = over.offsetLeft + chart.valToPos(each.x, "x"), top = over.offsetTop + chart.valToPos(each.y, "y");
      tip.replaceChildren(...each.text.map((line, row) => element(row ? "div" : "strong", "", line)));
      ring.style.left = `${left}px`;
      ring.style.top = `${top}px`;
      tip.style.left = `${Math.max(0, Math.min(left + 14, place.clientWidth - tip.offsetWidth - 4))}px`;
      tip.style.top = `${top > tip.offsetHeight + 16 ? top - tip.offsetHeight - 10 : top + 14}px`;
    }
    function nearest(chart) {
      let best = -1, least = 32 * 32;
      known.forEach((each, index) => {
        if (!chart.series[each.group + 1].show) return;
        const far = (chart.valToPos(each.x, "x") - chart.cursor.left) ** 2 + (chart.valToPos(each.y, "y") - chart.cursor.top) ** 2;
        if (far < least) [best, least] = [index, far];
      });
      return best;
    }
    const series = groups.map((group) => {
      const ink = color(group.color);
      return {
        label: group.label, stroke: ink, width: group.line ? 1.5 : 0, spanGaps: true, paths: group.line ? undefined : () => null,
        points: { show: true, size: group.size || 7, width: group.hollow ? 2 : 1, stroke: ink, fill: group.hollow ? color("--paper") : ink },
      };
    });
    const one = known.every((each) => each.x === known[0].x);
    const get = mount(place, () => new uPlot({
      width: place.clientWidth, height, legend: { live: false },
      scales: { x: { time: false, distr: 3, range: (_, low, high) => (one ? [low / 2, high * 2] : [low / 1.12, high * 1.12]) }, y: { range: padded(0.08, 0.25) } },
      axes: [axis(x, { size: 32, splits: steps, filter: (_, marks) => marks, values: (_, marks) => marks.map(short) }), axis(y, { size: 48 })],
      series: [{ label: x }, ...series],
      cursor: { x: false, y: false, points: { show: false }, drag: { x: true, y: true, dist: 8 } },
      hooks: { setCursor: [(chart) => { if (chart.cursor.left >= 0) show(chart, nearest(chart)); }], setSize: [(chart) => show(chart, -1)] },
    }, data, place));
    place.append(ring, tip);
    place.addEventListener("mouseleave", () => show(get(), -1));
    place.addEventListener("click", () => { if (pick && at >= 0) pick(known[at]); });
    place.tabIndex = 0;
    place.addEventListener("keydown", (event) => {
      const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
      if (step) { event.preventDefault(); show(get(), (at + step + known.length) % known.length); }
      if (event.key === "Enter" && pick && at >= 0) pick(known[at]);
      if (event.key === "Escape") show(get(), -1);
    });
    return get();
  }

  // charts: [{label, values, means, digits, floor, color, unit, zero, least, most}] above each other, of the same times in
  // seconds, or in frames where `inFrames` says so; scenes: [{from, to, label, image}] in the same, as bands, and as pictures above where there is room. One line says
  // what is under the pointer. Gives what zooms to one scene, and to all.
  let lines = 0;
  function timeline(place, { times, frames, charts, scenes = [], height = 120, inFrames = false }) {
    const key = `time${lines++}`, film = element("div", "film"), told = element("p", "told", "");
    told.setAttribute("role", "status");
    place.replaceChildren(film, told);
    const bands = (chart) => {
      const { ctx, bbox } = chart;
      ctx.save();
      ctx.beginPath();
      ctx.rect(bbox.left, bbox.top, bbox.width, bbox.height);
      ctx.clip();
      ctx.fillStyle = color("--band");
      scenes.forEach((scene, index) => {
        const left = chart.valToPos(scene.from, "x", true), right = chart.valToPos(scene.to, "x", true);
        if (index % 2) ctx.fillRect(left, bbox.top, right - left, bbox.height);
      });
      ctx.restore();
    };
    const floor = (value) => (chart) => {
      if (value == null) return;
      const { ctx, bbox } = chart, top = chart.valToPos(value, "y", true), dot = devicePixelRatio, text = `floor ${value}`;
      ctx.save();
      ctx.strokeStyle = color("--bad");
      ctx.lineWidth = 1.5 * dot;
      ctx.setLineDash([6 * dot, 4 * dot]);
      ctx.beginPath();
      ctx.moveTo(bbox.left, top);
      ctx.lineTo(bbox.left + bbox.width, top);
      ctx.stroke();
      ctx.font = `${11 * dot}px system-ui, sans-serif`;
      const wide = ctx.measureText(text).width + 8 * dot;
      ctx.fillStyle = color("--paper");
      ctx.fillRect(bbox.left + bbox.width - wide, top - 8 * dot, wide, 16 * dot);
      ctx.fillStyle = color("--bad");
      [ctx.textBaseline, ctx.textAlign] = ["middle", "left"];
      ctx.fillText(text, bbox.left + bbox.width - wide + 4 * dot, top);
      ctx.restore();
    };
    const text = (each, index) => {
      const value = each.values[index], mean = each.means && each.means[index];
      const shown = (number) => (number == null ? "none" : each.zero ? short(number) : number.toFixed(each.digits));
      return `${each.label} ${shown(value)}${mean == null ? "" : ` (scene ${shown(mean)})`}`;
    };
    const tell = (index) => {
      if (index == null) { told.textContent = ""; return; }
      const scene = scenes.findIndex((each) => times[index] >= each.from && times[index] < each.to);
      const where = `${inFrames ? "" : `${clock(times[index])}, `}frame ${frames[index]}${scene < 0 ? "" : `, scene ${scene}`}`;
      told.textContent = [where, ...charts.map((each) => text(each, index))].join(" · ");
    };
    // Of one picture the ends of the axis are made up, and times before it have no name.
    const one = times.length === 1, ends = one ? [times[0] - 0.5, times[0] + 0.5] : null;
    const named = (marks) => marks.map((mark) => (mark < 0 ? "" : inFrames ? short(mark) : clock(mark)));
    let get = [];
    get = charts.map((each, row) => {
      const box = element("div", "row"), last = row === charts.length - 1, many = times.length > 400;
      box.tabIndex = 0;
      box.setAttribute("role", "group");
      box.setAttribute("aria-label", `${each.label} along time; the arrow keys step`);
      place.append(box);
      const range = (_, low, high) => {
        const all = each.floor == null ? [low, high] : [Math.min(low, each.floor), Math.max(high, each.floor)];
        const pad = Math.max((all[1] - all[0]) * 0.12, each.least);
        return each.zero ? [0, all[1] + pad] : [all[0] - pad, Math.min(all[1] + pad, each.most ?? Infinity)];
      };
      const line = (more) => ({ stroke: color(each.color), width: 1.25, points: { show: one || (!many && !each.means) }, ...more });
      const means = each.means ? [line({ stroke: color("--ink"), width: 1.5, dash: [2, 3], points: { show: false } })] : [];
      const made = mount(box, () => new uPlot({
        width: box.clientWidth, height: height + (last ? 30 : 0), padding: [8, 24, last ? 0 : 6, 0], legend: { show: false },
        scales: { x: { time: false, range: (_, low, high) => ends || (high > low ? [low, high] : [low - 0.5, high + 0.5]) }, y: { range } },
        axes: [
          axis(null, { incrs: inFrames ? WHOLE : ROUND, values: (_, marks) => (last ? named(marks) : marks.map(() => "")), size: last ? 30 : 6, space: 70, ticks: { show: last } }),
          axis(each.label, { size: 52, values: (_, marks) => marks.map(short), space: 26 }),
        ],
        series: [{}, line({ fill: each.zero ? color(each.color) + "33" : undefined }), ...means],
        cursor: { sync: { key }, y: false, drag: { x: true, y: false } },
        hooks: {
          drawAxes: [bands], draw: [floor(each.floor)], setCursor: row ? [] : [(chart) => tell(chart.cursor.idx)],
          setScale: [() => arrange()], setSize: [() => arrange()], ready: [() => arrange()],
        },
      }, [times, each.values, ...(each.means ? [each.means] : [])], box));
      box.addEventListener("keydown", (event) => {
        const step = { ArrowRight: 1, ArrowLeft: -1, PageDown: 25, PageUp: -25 }[event.key];
        if (!step) return;
        event.preventDefault();
        const chart = made(), next = Math.max(0, Math.min(times.length - 1, (chart.cursor.idx ?? 0) + step));
        chart.setCursor({ left: chart.valToPos(times[next], "x"), top: 4 });
        tell(next);
      });
      return made;
    });
    const zoom = (from, to) => get.forEach((chart) => chart().setScale("x", { min: from, max: to }));
    const only = (index) => {
      const inside = times.filter((time) => time >= scenes[index].from && time < scenes[index].to);
      if (inside.length) zoom(inside[0], inside[inside.length - 1]);
    };
    const whole = () => zoom(times[0], times[times.length - 1]);
    function arrange() {
      const chart = get && get[0] && get[0]();
      if (!chart || !chart.over) return;
      const start = chart.over.offsetLeft, width = chart.over.clientWidth;
      let free = -Infinity;
      for (const button of film.children) {
        const scene = scenes[button.dataset.scene];
        const left = chart.valToPos(scene.from, "x"), right = chart.valToPos(scene.to, "x");
        const middle = (Math.max(0, left) + Math.min(width, right)) / 2;
        const at = Math.max(0, Math.min(width - button.clientWidth, middle - button.clientWidth / 2));
        const fits = right > 0 && left < width && at >= free;
        button.classList.toggle("gone", !fits);
        button.tabIndex = fits ? 0 : -1;
        if (fits) { button.style.left = `${start + at}px`; free = at + button.clientWidth + 3; }
      }
    }
    scenes.forEach((scene, index) => {
      if (!scene.image) return;
      const button = element("button"), image = element("img");
      button.type = "button";
      button.dataset.scene = index;
      button.title = `${scene.label}: look at it alone`;
      image.src = scene.image;
      image.alt = scene.label;
      image.addEventListener("load", () => arrange());
      button.append(image);
      button.addEventListener("click", () => only(index));
      film.append(button);
    });
    film.hidden = !film.children.length;
    return { only, whole };
  }

  // Heads become buttons that sort by what cells say, or by their data-sort.
  function sortable(table) {
    const heads = [...table.tHead.rows[0].cells];
    const value = (row, column) => {
      const cell = row.cells[column], text = cell.dataset.sort ?? cell.textContent.trim();
      return text === "" || Number.isNaN(Number(text)) ? text : Number(text);
    };
    heads.forEach((head, column) => {
      const button = element("button", "sort", head.textContent);
      button.type = "button";
      head.replaceChildren(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((each) => each.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const order = (a, b) => (typeof a === typeof b ? (a < b ? -1 : a > b ? 1 : 0) : typeof a === "number" ? -1 : 1);
        const rows = [...table.tBodies[0].rows].sort((a, b) => order(value(a, column), value(b, column)) * (down ? -1 : 1));
        table.tBodies[0].append(...rows);
      });
    });
  }

  return { scatter, timeline, sortable, element, clock, short, color };
})();
