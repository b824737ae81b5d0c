import { expect, test } from "vitest";
import {
  formatRequest,
  formatSigner,
  formatStakingStatus,
} from "../../../src/client/views/stake-view.ts";
import { signerPolicyDefaults } from "../../../src/workflows/staking/messages.ts";
import type { StakeRequestStatus } from "../../../src/workflows/staking/request-shapes.ts";
import type { SignerStatus } from "../../../src/workflows/staking/signer-shapes.ts";

const request: StakeRequestStatus = {
  requestId: `stake/1/0x${"ab".repeat(32)}`,
  chainId: 1,
  kind: "stake",
  owner: `0x${"1".repeat(40)}`,
  target: "73133705",
  state: "waiting",
  isFinal: false,
  reason: { code: "DIP_ALLOWANCE_INSUFFICIENT", message: "The owner has not allowed it." },
  nonce: null,
  transactionHash: null,
  blockNumber: null,
  gasUsed: null,
  stakeId: null,
  receivedAt: "2026-11-24T12:00:00.000Z",
  expiresAt: "2026-12-01T12:00:00.000Z",
  updatedAt: "2026-11-24T12:00:01.000Z",
};

const signer: SignerStatus = {
  chainId: 1,
  address: `0x${"2".repeat(40)}`,
  standsStill: "low_balance",
  policy: signerPolicyDefaults,
  nextNonce: 8,
  latestNonce: 7,
  balanceWei: "1050000000000000001",
  queued: 1234,
  oldestQueuedAt: null,
  inFlight: 1,
  settling: 2,
  slots: [
    {
      nonce: 7,
      requestId: request.requestId,
      kind: "call",
      attempts: 2,
      transactionHash: "0x11",
      stage: "broadcast",
    },
  ],
  counts: {
    succeeded: 5,
    reverted: 1,
    cancelled: 0,
    bumps: 1,
    rebroadcasts: 0,
    drops: 0,
    noops: 0,
    reorgs: 0,
    foreignNonces: 0,
    refusals: 0,
  },
  gasUsedWei: "0",
  alarms: ["low_balance: 1.05 ETH"],
  lastError: "a\nb",
};

test("a request that waits says for what", () => {
  expect(formatRequest(request, null)).toMatchInlineSnapshot(`
    "request   0xabababababababababababababababababababababababababababababababab
    what      stake of 0x1111111111111111111111111111111111111111 on 73133705
    state     waiting
    received  2026-11-24T12:00:00.000Z
    expires   2026-12-01T12:00:00.000Z
    reason    DIP_ALLOWANCE_INSUFFICIENT: The owner has not allowed it."
  `);
});

test("a request that stands names its transaction and stake", () => {
  const done = {
    ...request,
    state: "succeeded",
    isFinal: true,
    reason: null,
    nonce: 7,
    transactionHash: "0x11",
    blockNumber: 9,
    gasUsed: "632000",
    stakeId: "83133705",
  } as const;
  expect(formatRequest(done, "http://ui")).toMatchInlineSnapshot(`
    "request      0xabababababababababababababababababababababababababababababababab
    what         stake of 0x1111111111111111111111111111111111111111 on 73133705
    state        succeeded, final
    received     2026-11-24T12:00:00.000Z
    ended        2026-11-24T12:00:01.000Z
    nonce        7
    transaction  0x11
    block        9
    gas          632000
    stake        NFT 83133705
    UI           http://ui"
  `);
});

test("a signer says why it stands still and what it has under way", () => {
  expect(formatSigner(signer, null, [])).toMatchInlineSnapshot(`
    "signer      0x2222222222222222222222222222222222222222 on chain 1
    state       low_balance: the signer's balance is too low; it goes on by itself when it is filled up
    balance     1.050000000000000001 ETH
    nonce       next 8, mined 7
    queue       1,234 wait, 1 in flight, 2 not final yet
    done        5 succeeded, 1 reverted, 0 cancelled
    trouble     1 bumps, 0 rebroadcasts (0 dropped), 0 no-ops, 0 reorgs, 0 foreign nonces, 0 not signed
    gas paid    0 ETH
    policy      at most 30 gwei, keeps 1 ETH, 4 in flight, 1,000 queued
    alarm       low_balance: 1.05 ETH
    last error  a

    nonce  what  stage      attempts  transaction
        7  call  broadcast         2  0x11"
  `);
});

test("a request that was taken back says what it had waited for, and when it ended", () => {
  const cancelled = { ...request, state: "cancelled", isFinal: true } as const;
  const text = formatRequest(cancelled, null);
  expect(text).toMatch(/^state +cancelled, final$/m);
  expect(text).toMatch(/^ended +2026-11-24T12:00:01.000Z$/m);
  expect(text).toMatch(/^waited for +DIP_ALLOWANCE_INSUFFICIENT: /m);
  expect(text).not.toMatch(/^(expires|reason)/m);
});

test("a signer says since when its queue waits, and what it has not looked at yet", () => {
  const fresh = { nextNonce: null, latestNonce: null, balanceWei: null, standsStill: null };
  const text = formatSigner(
    { ...signer, ...fresh, oldestQueuedAt: "2026-11-24T12:00:00.000Z" },
    null,
    [{ part: "maxInFlight", running: 4, configured: 8 }],
  );
  expect(text).toMatch(/^state +running$/m);
  expect(text).toMatch(/^balance +not looked at yet$/m);
  expect(text).toMatch(/^nonce +not looked at yet$/m);
  expect(text).toMatch(/^waits since +2026-11-24T12:00:00.000Z$/m);
  expect(text).toMatch(/^not as set +maxInFlight is 4, configured here: 8$/m);
  expect(text).toMatch(/^to apply +npm run client -- signer set-policy --max-in-flight 8$/m);
});

test("the service fits into status, whatever answers of it", () => {
  const named = { workflowId: `signer/1/${signer.address}`, link: null };
  const bridge = { workflowId: "stake-bridge/1", link: null };
  const status = {
    signer: { ...named, status: signer, silence: null },
    bridge: { ...bridge, status: null, silence: "no worker answers" },
    workers: [],
    waitingFor: null,
  } as const;
  expect(formatStakingStatus(status)).toMatchInlineSnapshot(`
    "staking job         state              waiting  in flight          done  balance
    signer/1/0x222222…  low_balance          1,234  1 and 2 not final     5  1.05 ETH
    stake-bridge/1      no worker answers"
  `);
  const away = { signer: null, bridge: null, workers: [], waitingFor: "No node answers." };
  expect(formatStakingStatus(away)).toBe("The staking service waits: No node answers.");
});
