// What /api/docs says of the staking service's requests and answers.

const nullable = (type: string) => ({ type: [type, "null"] });
const number = (description: string) => ({
  type: ["string", "integer"],
  maxLength: 78,
  description: `${description}; a decimal`,
});
const owner = {
  type: "string",
  maxLength: 42,
  description: "address of the user, who signed; its DIP is meant",
};
const signed = {
  signatureId: {
    type: "string",
    maxLength: 124,
    description: "what the user's page drew: 1 to 31 bytes of text, or the bytes32 made of it",
  },
  signature: {
    type: "string",
    maxLength: 300,
    description: "65 bytes, hexadecimal; EIP-712. Good for one request, and a secret until then",
  },
};

export const stakeBodySchema = {
  type: "object",
  required: ["owner", "targetNftId", "dipAmount", "signatureId", "signature"],
  properties: {
    owner,
    targetNftId: number("NFT id of the bundle"),
    dipAmount: number("DIP in its smallest unit"),
    ...signed,
  },
  additionalProperties: false,
} as const;

export const restakeBodySchema = {
  type: "object",
  required: ["owner", "stakeNftId", "targetNftId", "signatureId", "signature"],
  properties: {
    owner,
    stakeNftId: number("NFT id of the stake that moves"),
    targetNftId: number("NFT id of the new bundle"),
    ...signed,
  },
  additionalProperties: false,
} as const;

export const requestIdParam = {
  type: "string",
  maxLength: 66,
  description: "keccak256 of the signature's 65 bytes, as the answer of a submission names it",
} as const;

const state = {
  type: "string",
  enum: [
    "checking",
    "waiting",
    "queued",
    "broadcast",
    "mined",
    "succeeded",
    "fulfilled_externally",
    "signature_burned",
    "refused",
    "reverted",
    "expired",
    "cancelled",
    "failed",
  ],
} as const;
const named = {
  id: { type: "string" },
  state,
  statusUrl: { type: "string" },
  link: { ...nullable("string"), description: "to the workflow in Temporal's UI" },
} as const;

export const acceptedSchema = (description: string) => ({
  description,
  type: "object",
  required: ["id", "state", "statusUrl", "link"],
  properties: named,
  additionalProperties: false,
});

export const requestStatusSchema = {
  description: "Where the request stands.",
  type: "object",
  required: [
    "id",
    "state",
    "statusUrl",
    "link",
    "requestId",
    "chainId",
    "kind",
    "owner",
    "target",
    "isFinal",
    "reason",
    "nonce",
    "transactionHash",
    "blockNumber",
    "gasUsed",
    "stakeId",
    "receivedAt",
    "expiresAt",
    "updatedAt",
  ],
  properties: {
    ...named,
    requestId: { type: "string", description: "id of the workflow" },
    chainId: { type: "integer" },
    kind: { type: "string", enum: ["stake", "restake"] },
    owner: { type: "string" },
    target: { type: "string" },
    isFinal: { type: "boolean" },
    reason: {
      ...nullable("object"),
      description: "why it waits, was refused or failed: a code and a sentence",
      properties: { code: { type: "string" }, message: { type: "string" } },
    },
    nonce: nullable("integer"),
    transactionHash: {
      ...nullable("string"),
      description:
        "of the newest attempt, at the end of the one that counts; a stranger's where the nonce is null",
    },
    blockNumber: nullable("integer"),
    gasUsed: nullable("string"),
    stakeId: { ...nullable("string"), description: "NFT id of the stake that came of it" },
    revertedTransaction: {
      type: "object",
      description:
        "the newest transaction of ours for it that was mined and reverted, where another one counts; else absent",
      properties: {
        nonce: { type: "integer" },
        transactionHash: { type: "string" },
        blockNumber: { type: "integer" },
        gasUsed: { type: "string" },
      },
    },
    receivedAt: { type: "string", format: "date-time" },
    expiresAt: { type: "string", format: "date-time" },
    updatedAt: { type: "string", format: "date-time" },
  },
};

const payload = {
  type: "object",
  properties: {
    metadata: { type: "object", additionalProperties: { type: "string" } },
    data: { type: "string", description: "base64" },
  },
  additionalProperties: true,
} as const;

export const payloadsSchema = {
  type: "object",
  required: ["payloads"],
  properties: { payloads: { type: "array", maxItems: 10_000, items: payload } },
  additionalProperties: true,
} as const;
