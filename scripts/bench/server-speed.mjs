/** From the next conversation on the far end lives in time that runs `speed` times as fast. */
export async function setServerSpeed(websocketUrl, speed) {
  const url = new URL(`/speed/${speed}`, websocketUrl);
  url.protocol = 'http:';
  await (await fetch(url)).arrayBuffer();
}
