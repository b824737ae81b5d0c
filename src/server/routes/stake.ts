import type { FastifyInstance, FastifyRequest } from "fastify";
import type { StakeCallFields } from "../../domain/staking/parse-stake-call.ts";
import type { StakeCall, StakeReason } from "../../domain/staking/stake-call.ts";
import { standingWords } from "../../domain/staking/standing.ts";
import { JobNotRunningError } from "../../errors.ts";
import type { StakingDesk } from "../../staking/desk.ts";
import { cancelRequest, readRequest } from "../../staking/read-request.ts";
import { stakeWorkflowIds } from "../../workflows/staking/messages.ts";
import type { StakeRequestStatus } from "../../workflows/staking/request-shapes.ts";
import { actorOf, requireScope } from "../access.ts";
import type { ServerParts } from "../parts.ts";
import { Problem } from "../problem.ts";
import { commonProblems } from "../schemas.ts";
import {
  acceptedSchema,
  requestIdParam,
  requestStatusSchema,
  restakeBodySchema,
  stakeBodySchema,
} from "../staking/schemas.ts";
import { createSignerGauge, type SignerGauge } from "../staking/signer-gauge.ts";
import { submitRequest } from "../staking/submit-request.ts";

type Parts = Pick<ServerParts, "linkTo" | "logger">;
type Service = { readonly desk: StakingDesk; readonly gauge: SignerGauge };
type Body = Readonly<Record<string, unknown>>;
type ById = { Params: { id: string } };

const security = [{ bearer: ["stake"] }];
const base = "/api/v1/stake";

/** Requests of users who sign and pay no gas: hand in, ask, take back. */
export function addStakeRoutes(app: FastifyInstance, parts: Parts, desk: StakingDesk): void {
  const gauge = createSignerGauge(desk.settings.policy.queueLimit);
  addSubmissions(app, parts, { desk, gauge });
  addStatus(app, parts, { desk, gauge });
  addCancel(app, parts, desk);
}

function addSubmissions(app: FastifyInstance, parts: Parts, { desk, gauge }: Service): void {
  const ways = [
    { kind: "stake", url: base, body: stakeBodySchema, summary: "Stakes a user's DIP" },
    {
      kind: "restake",
      url: "/api/v1/restake",
      body: restakeBodySchema,
      summary: "Moves a user's stake to another bundle",
    },
  ] as const;
  for (const { kind, url, body, summary } of ways) {
    app.post<{ Body: Body }>(
      url,
      {
        preParsing: requireScope("stake"),
        schema: {
          operationId: kind,
          summary: `${summary}; the user has signed, the service pays the gas`,
          tags: ["stake"],
          security,
          body,
          response: {
            202: acceptedSchema("It is kept and will be served, or was handed in already."),
            ...commonProblems,
          },
        },
      },
      async (request, reply) => {
        const fields = toFields(kind, request.body);
        const audit = auditOf(request, kind);
        try {
          const submitted = await submitRequest(desk, gauge, { fields, actor: audit.actor });
          const { call, requestId, isNew, state } = submitted;
          const asked = { ...audit, stakeRequest: requestId, ...describeCall(call), state };
          if (isNew) parts.logger.info("Took a staking request", asked);
          else parts.logger.debug("Was asked for a known staking request", asked);
          return reply.code(202).send(nameRequest(parts, requestId, state));
        } catch (error) {
          const reason = error instanceof Error ? error.message.split("\n", 1)[0] : "unknown";
          parts.logger.warn("Did not take a staking request", { ...audit, reason });
          throw error;
        }
      },
    );
  }
}

/** The names of the reference's page for the fields of a call. */
function toFields(kind: StakeCall["kind"], body: Body): StakeCallFields {
  const { owner, targetNftId: target, signatureId, signature } = body;
  const shared = { kind, owner, target, signatureId, signature };
  return kind === "stake"
    ? { ...shared, dipAmount: body["dipAmount"] }
    : { ...shared, stakeId: body["stakeNftId"] };
}

function addStatus(app: FastifyInstance, parts: Parts, { desk, gauge }: Service): void {
  app.get<ById>(
    `${base}/:id`,
    {
      preParsing: requireScope("stake"),
      schema: {
        operationId: "readStakeRequest",
        summary: "Where a request stands, and why",
        tags: ["stake"],
        security,
        params: { type: "object", properties: { id: requestIdParam } },
        response: { 200: requestStatusSchema, ...commonProblems },
      },
    },
    async ({ params: { id } }) => {
      const requestId = await requestIdFrom(desk, id);
      const status = await readRequest(await desk.client(), requestId, desk.kept);
      if (status === null) throw unknownRequest(id);
      const reason = status.state === "queued" ? await queueReason(gauge, desk) : status.reason;
      return { ...status, reason, ...nameRequest(parts, requestId, status.state) };
    },
  );
}

/** Why the queue stands still now: a request hears that only when it joins it. */
async function queueReason(gauge: SignerGauge, desk: StakingDesk): Promise<StakeReason | null> {
  const [client, chainId] = await Promise.all([desk.client(), desk.chainId()]);
  const standing = await gauge.standsStill(client, { chainId, address: desk.signer });
  return standing && { code: standing, message: standingWords[standing] };
}

function addCancel(app: FastifyInstance, parts: Parts, desk: StakingDesk): void {
  app.post<ById>(
    `${base}/:id/cancel`,
    {
      preParsing: requireScope("stake"),
      schema: {
        operationId: "cancelStakeRequest",
        summary: "Takes a request back; once it is broadcast, the chain decides who was first",
        tags: ["stake"],
        security,
        params: { type: "object", properties: { id: requestIdParam } },
        response: { 202: acceptedSchema("The request was told."), ...commonProblems },
      },
    },
    async (request, reply) => {
      const { id } = request.params;
      const requestId = await requestIdFrom(desk, id);
      const client = await desk.client();
      const status = await readRequest(client, requestId, desk.kept);
      if (status === null) throw unknownRequest(id);
      if (status.isFinal) throw hasEnded(status);
      await cancelUnlessEnded(desk, requestId);
      const audit = auditOf(request, status.kind);
      parts.logger.info("Cancels a staking request", { ...audit, stakeRequest: requestId });
      return reply.code(202).send(nameRequest(parts, requestId, status.state));
    },
  );
}

async function cancelUnlessEnded(desk: StakingDesk, requestId: string): Promise<void> {
  const client = await desk.client();
  try {
    await cancelRequest(client, requestId);
  } catch (error) {
    if (!(error instanceof JobNotRunningError)) throw error;
    const status = await readRequest(client, requestId, desk.kept);
    throw status === null ? error : hasEnded(status);
  }
}

/** Ids in paths are the hash alone: a server serves one chain. */
async function requestIdFrom(desk: StakingDesk, id: string): Promise<string> {
  const [, hash] = /^0x([0-9a-f]{64})$/.exec(id) ?? [];
  if (hash === undefined) throw unknownRequest(id);
  return stakeWorkflowIds.request(await desk.chainId(), `0x${hash}`);
}

function nameRequest({ linkTo }: Parts, requestId: string, state: StakeRequestStatus["state"]) {
  const id = requestId.slice(requestId.lastIndexOf("/") + 1);
  return { id, state, statusUrl: `${base}/${id}`, link: linkTo(requestId) };
}

/** Who asked, for the audit trail; the signature never stands there. */
function auditOf(request: FastifyRequest, kind: StakeCall["kind"]) {
  return { actor: actorOf(request.caller), address: request.ip, kind, requestId: request.id };
}

function describeCall(call: StakeCall) {
  const { owner, target } = call;
  return call.kind === "stake"
    ? { owner, target, dipAmount: call.dipAmount }
    : { owner, target, stakeId: call.stakeId };
}

function unknownRequest(id: string): Problem {
  return new Problem({
    kind: "unknown-request",
    status: 404,
    title: "There is no such request.",
    detail: `${JSON.stringify(id).slice(0, 100)} was never handed in here.`,
    fix: "use the id of a submission's answer, or hand the request in: POST /api/v1/stake.",
  });
}

function hasEnded({ state }: StakeRequestStatus): Problem {
  return new Problem({
    kind: "request-ended",
    status: 409,
    title: "The request has ended.",
    detail: `Its state is ${state}.`,
    fix: "there is nothing left to take back.",
    members: { state },
  });
}
