/* A picture of the loupe fetched before one comes to it: its page's inner part, with the picture decoded. */

const LONGEST_DECODE = 4000;

/** fetchLoupe(address): the element to lay on the table. Fails with the status where there is none. */
export const fetchLoupe = async (address) => {
  const answer = await fetch(address, { headers: { "HX-Request": "true", Accept: "text/html" } });
  if (!answer.ok) throw new Error(String(answer.status));
  const parsed = new DOMParser().parseFromString(await answer.text(), "text/html").querySelector(".loupe");
  const node = document.adoptNode(parsed);
  const print = node.querySelector("#print");
  if (print) await Promise.race([print.decode().catch(() => {}), new Promise((resolve) => { setTimeout(resolve, LONGEST_DECODE); })]);
  return node;
};
