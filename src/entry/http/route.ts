/**
 * A route is one row: mounting, validation, types and the OpenAPI document all read it.
 */
import type { Request, Response } from 'express';
import type { z } from 'zod';
import type { ErrorCode } from '../../core/errors.ts';
import type { Caller } from '../../models/caller.ts';

export const methods = ['get', 'head', 'post', 'put', 'patch', 'delete'] as const;
export type Method = (typeof methods)[number];

/** Areas of the document, in its order. */
export const tags = {
  Workflows: 'Submit ComfyUI graphs, follow them, stop them.',
  Queue: 'What waits and what runs, over all instances.',
  Images: 'Hand files over and fetch files that came out.',
  Tasks: 'Durable work: accepted once, ended exactly once, on any engine.',
  'Unified tasks': 'The paths and words of the unified task service, on the same tasks.',
  RunningHub: 'The paths and words of the older RunningHub services, on the same tasks.',
  Service: 'Health, tickets for browser sockets, and this document.',
} as const;
export type Tag = keyof typeof tags;

type Schema = z.ZodType | undefined;
type Output<S extends Schema> = S extends z.ZodType ? z.output<S> : undefined;

/** What a deed gets: everything is validated before it runs. */
export interface RouteContext<Params = unknown, Query = unknown, Body = unknown> {
  /** On open routes a stranger (`key` is empty) when no valid key was sent. */
  readonly caller: Caller;
  readonly params: Params;
  readonly query: Query;
  readonly body: Body;
  /** Fires when the client hangs up before the answer is complete, and at the deadline of the route. */
  readonly signal: AbortSignal;
  /** The body is not needed any more: others may have its room while the deed goes on. */
  readonly letGo: () => void;
  readonly request: Request;
  readonly response: Response;
}

export interface Answer {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** For bodies that are not JSON of a schema. */
  readonly contentType?: string;
}

/** A header of a call that a deed reads. For the document. */
export interface RequestHeader {
  readonly description: string;
  readonly schema: z.ZodType;
}

/** How large a JSON body may be, and which variable says so. */
export interface BodyLimit {
  readonly bytes: number;
  readonly name: string;
}

interface RowFacts {
  readonly method: Method;
  /** As in OpenAPI: `/things/{id}`. */
  readonly path: string;
  /** Name for generated clients; unique. */
  readonly id: string;
  readonly tag: Tag;
  readonly summary: string;
  readonly description?: string;
  /** By status; the first is what a deed answers with unless it sets another. */
  readonly answers: Readonly<Record<number, Answer>>;
  /** Codes beside those that every route may answer with. */
  readonly errors: readonly ErrorCode[];
  /** No key is needed. */
  readonly open?: boolean;
  /** Its callers read `{code, msg, data}`: refusals have `msg`, too. */
  readonly envelope?: boolean;
  /** A call without a body counts as `{}`. */
  readonly bodyOptional?: boolean;
  readonly bodyLimit?: BodyLimit;
  /** What the document says of the body, where the deed itself reads it closer. Asked for each time a document is made. */
  readonly documented?: () => z.ZodType;
  /** Fields of a multipart form that the deed reads itself. For the document. */
  readonly form?: z.ZodObject;
  /** Headers that the deed reads itself, by name. For the document. */
  readonly headers?: Readonly<Record<string, RequestHeader>>;
  /** Bodies to show in the document, by name. A function is asked each time a document is made. */
  readonly examples?: Readonly<Record<string, unknown>> | (() => Readonly<Record<string, unknown>>);
  /** Milliseconds until `signal` fires; 0 for none, where only silence ends the call. */
  readonly deadline?: number;
}

/** A row as mounting and the document see it. */
export interface Route extends RowFacts {
  readonly params?: z.ZodObject | undefined;
  readonly query?: z.ZodObject | undefined;
  readonly body?: z.ZodType | undefined;
  /** Its value is the JSON body; undefined when the deed has answered itself. */
  run(context: RouteContext): unknown;
}

interface TypedRoute<P extends z.ZodObject | undefined, Q extends z.ZodObject | undefined, B extends Schema> extends RowFacts {
  readonly params?: P;
  readonly query?: Q;
  readonly body?: B;
  run(context: RouteContext<Output<P>, Output<Q>, Output<B>>): unknown;
}

/** Types a row's deed from its schemas. */
export function route<P extends z.ZodObject | undefined = undefined, Q extends z.ZodObject | undefined = undefined, B extends Schema = undefined>(row: TypedRoute<P, Q, B>): Route {
  return row;
}

/** The status a deed answers with unless it sets another. */
export function usualStatus(row: Pick<Route, 'answers'>): number {
  return Number(Object.keys(row.answers)[0] ?? 200);
}
