/** A view of whole samples as bytes, for devices that want a Buffer. Nothing is copied. */
export function bytesOfPcm(pcm: Int16Array): Buffer {
  return Buffer.from(pcm.buffer, pcm.byteOffset, pcm.byteLength);
}

/**
 * Turns a stream of bytes, cut anywhere, into 16-bit samples: pipes neither keep samples whole nor align them.
 * @param onPcm the array is lent
 */
export function createPcmReader(onPcm: (pcm: Int16Array) => void): (bytes: Uint8Array) => void {
  let carried: number | undefined;
  return (bytes) => {
    const carry = carried === undefined ? 0 : 1;
    const samples = (bytes.length + carry) >> 1;
    const aligned = new Uint8Array(samples * 2);
    if (carried !== undefined && samples > 0) aligned[0] = carried;
    const used = samples * 2 - carry;
    if (samples > 0) aligned.set(bytes.subarray(0, used), carry);
    if (used < bytes.length) carried = samples > 0 || carry === 0 ? bytes[bytes.length - 1] : carried;
    else if (samples > 0) carried = undefined;
    if (samples > 0) onPcm(new Int16Array(aligned.buffer));
  };
}
