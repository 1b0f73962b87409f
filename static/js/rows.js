/* Rows of the contact sheet, as they lie in the window. */

const SAME_ROW = 4; // pixels by which the tops of one row may differ

/** The frame whose middle lies nearest to that of `from`, in the row above (direction -1) or below (1); null at the edge. */
export const frameInRow = (frames, from, direction) => {
  const start = from.getBoundingClientRect();
  const middle = start.left + start.width / 2;
  let best = null;
  for (const frame of frames) {
    const box = frame.getBoundingClientRect();
    const ahead = (box.top - start.top) * direction;
    if (ahead <= SAME_ROW) continue;
    const distance = Math.abs(box.left + box.width / 2 - middle);
    const nearerRow = !best || ahead < best.ahead - SAME_ROW;
    if (nearerRow || (Math.abs(ahead - best.ahead) <= SAME_ROW && distance < best.distance)) best = { frame, distance, ahead };
  }
  return best?.frame ?? null;
};
