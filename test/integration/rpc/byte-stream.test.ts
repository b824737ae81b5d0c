import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { expect, test } from "vitest";
import { createByteStream } from "../../../src/rpc/byte-stream.ts";
import { startNodeDouble } from "./node-double.ts";

const call = { method: "debug_traceBlockByHash", params: [] };

async function readAll(bytes: AsyncIterable<Uint8Array>): Promise<string> {
  let text = "";
  for await (const part of bytes) text += Buffer.from(part).toString();
  return text;
}

async function startDouble(answer: Parameters<typeof startNodeDouble>[0]) {
  const double = await startNodeDouble(answer);
  const stream = createByteStream({ name: "node-a", url: double.url, headers: {} });
  return { double, stream };
}

test("a node that never begins is given up when its time is over", async () => {
  const { double, stream } = await startDouble(() => {});
  const reading = readAll(stream(call, { timeoutMs: 1000 }));
  await expect(reading).rejects.toMatchObject({ isBegun: false, fault: { kind: "silent" } });
  await double.stop();
});

test("a node that stops in the middle is given up when its time is over", async () => {
  const { double, stream } = await startDouble((_, response) => response.write("begun"));
  const reading = readAll(stream(call, { timeoutMs: 6000 }));
  await expect(reading).rejects.toMatchObject({ isBegun: true, fault: { kind: "silent" } });
  await double.stop();
});

test("a slow reader is not taken for a slow node", async () => {
  const { double, stream } = await startDouble((_, response) => {
    response.write("first");
    setTimeout(() => response.end("last"), 50);
  });
  let text = "";
  for await (const part of stream(call, { timeoutMs: 4000 })) {
    text += Buffer.from(part).toString();
    await sleep(4500);
  }
  expect(text).toBe("firstlast");
  await double.stop();
});

test("a kept socket that the node closed meanwhile is replaced without a word", async () => {
  const ports = new Set<number | undefined>();
  const { double, stream } = await startDouble((_, response, request) => {
    ports.add(request.socket.remotePort);
    response.end("answer");
    // Closed only after the answer has gone out and the socket went back to the pool.
    setTimeout(() => request.socket.destroy(), 20);
  });
  for (let turn = 0; turn < 5; turn++) {
    for await (const part of stream(call, { timeoutMs: 30_000 })) {
      expect(Buffer.from(part).toString()).toBe("answer");
    }
    await sleep(20);
  }
  expect(ports.size).toBeGreaterThan(1);
  await double.stop();
});

test("many traces one after another share a socket", async () => {
  const ports = new Set<number | undefined>();
  const { double, stream } = await startDouble((_, response, request) => {
    ports.add(request.socket.remotePort);
    response.end("answer");
  });
  for (let turn = 0; turn < 5; turn++) {
    for await (const part of stream(call, { timeoutMs: 30_000 })) expect(part.length).toBe(6);
  }
  expect(ports.size).toBe(1);
  await double.stop();
});

test("what comes while the reader is busy comes as few parts, byte for byte", async () => {
  const body = Buffer.from(Array.from({ length: 3_000_000 }, (_, at) => 97 + (at % 23)));
  const { double, stream } = await startDouble((_, response) => response.end(body));
  const parts: Uint8Array[] = [];
  for await (const part of stream(call, { timeoutMs: 30_000 })) {
    parts.push(part);
    await sleep(30);
  }
  expect(Buffer.concat(parts).equals(body)).toBe(true);
  expect(parts.length).toBeLessThan(body.length / (64 * 1024));
  await double.stop();
});

test("a node whose connection breaks in the middle is told from one that ended", async () => {
  const { double, stream } = await startDouble((_, response) => {
    response.writeHead(200, { "content-length": 100 });
    response.write("begun");
    setTimeout(() => response.destroy(), 20);
  });
  const reading = readAll(stream(call, { timeoutMs: 30_000 }));
  await expect(reading).rejects.toMatchObject({ isBegun: true, fault: { kind: "socket" } });
  await double.stop();
});

test("leaving the loop closes the socket", async () => {
  const closed: Promise<unknown>[] = [];
  const { double, stream } = await startDouble((_, response) => {
    closed.push(once(response, "close"));
    response.write("begun");
  });
  for await (const part of stream(call, { timeoutMs: 30_000 })) {
    expect(part.length).toBe(5);
    break;
  }
  await Promise.all(closed);
  expect(closed).toHaveLength(1);
  await double.stop();
});

test("an answer that breaks off on a kept socket is not asked for a second time", async () => {
  let requests = 0;
  const { double, stream } = await startDouble((_, response, request) => {
    requests += 1;
    if (requests === 1) return response.end("answer");
    response.write("begun", () => setTimeout(() => request.socket.resetAndDestroy(), 20));
    return response;
  });
  expect(await readAll(stream(call, { timeoutMs: 30_000 }))).toBe("answer");
  const reading = readAll(stream(call, { timeoutMs: 30_000 }));
  await expect(reading).rejects.toMatchObject({ isBegun: true, fault: { kind: "socket" } });
  await sleep(100);
  expect(requests).toBe(2);
  await double.stop();
});

test("an error status counts though its body never ends, or breaks off", async () => {
  for (const body of ["hangs", "breaks"]) {
    const { double, stream } = await startDouble((_, response) => {
      response.writeHead(429, { "retry-after": "7", "content-length": 100 });
      response.write("slow", () => {
        if (body === "breaks") setTimeout(() => response.destroy(), 20);
      });
    });
    const reading = readAll(stream(call, { timeoutMs: 60_000 }));
    await expect(reading, body).rejects.toMatchObject({
      isBegun: false,
      fault: { kind: "status", status: 429, retryAfterMs: 7000 },
    });
    await double.stop();
  }
});

test("answers that come at the same time over several sockets do not mix, whatever their cuts", async () => {
  const { double, stream } = await startDouble(({ params: [digit] }, response) => {
    for (let piece = 1; piece <= 40; piece++) response.write(String(digit).repeat(piece * 4001));
    response.end();
  });
  const digits = [0, 1, 2, 3, 4, 5];
  const texts = await Promise.all(
    digits.map((digit) => readAll(stream({ ...call, params: [digit] }, { timeoutMs: 30_000 }))),
  );
  for (const digit of digits) expect(texts[digit]).toBe(String(digit).repeat(820 * 4001));
  await double.stop();
});
