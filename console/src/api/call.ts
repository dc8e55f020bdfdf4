// Requests as the API's document has them: the paths, their parts, what may be asked and what is sent are
// those of schema.d.ts, which is generated from it. What is not there, or is called otherwise, does not compile.

import type { Request } from './request'
import type { paths } from './schema'

type Base = '/api/v1'
type Short<P> = P extends `${Base}${infer Rest}` ? Rest : never
type Whole<P extends string> = Extract<`${Base}${P}`, keyof paths>
type Method = 'get' | 'post' | 'put' | 'patch' | 'delete'

/** What there is at a path by this method; `never` where there is nothing. */
type Operation<M extends Method, P extends string> = Exclude<paths[Whole<P>][M & keyof paths[Whole<P>]], undefined>
/** Paths that have this method. */
type With<M extends Method> = { [P in keyof paths]: paths[P] extends Record<M, infer O> ? ([O] extends [undefined] ? never : Short<P>) : never }[keyof paths] & string

type PartsOf<O> = O extends { parameters: { path: infer T extends object } } ? { path: { [K in keyof T]: T[K] extends number ? number | string : T[K] } } : { path?: never }
type Asked<Q> = { [K in keyof Q]?: Q[K] | null }
type QueryOf<O> = O extends { parameters: { query?: infer Q } } ? ([Q] extends [undefined] ? { query?: never } : { query?: Asked<Exclude<Q, undefined>> }) : { query?: never }
/** Nothing is sent as an empty object, too. */
type BodyOf<O> = O extends { requestBody?: infer R } ? ([Exclude<R, undefined>] extends [never] ? { body?: Record<string, never> } : Exclude<R, undefined> extends { content: { 'application/json': infer B } } ? { body?: B } : { body?: never }) : { body?: never }

type Args<M extends Method, P extends string> = PartsOf<Operation<M, P>> & QueryOf<Operation<M, P>> & BodyOf<Operation<M, P>> & Pick<Request, 'text' | 'ifMatch' | 'asText'>

type Call = <M extends Method, P extends With<M>>(
  method: M,
  path: P,
  ...args: Operation<M, P> extends { parameters: { path: object } } ? [args: Args<M, P>] : [args?: Args<M, P>]
) => Request

interface Loose extends Omit<Request, 'path' | 'method'> {
  path?: Record<string, string | number>
}

/** The request for this operation. */
export const call = ((method: Method, path: string, { path: parts, query, body, ...rest }: Loose = {}): Request => ({
  ...rest,
  path: path.replace(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(String(parts?.[name] ?? ''))),
  ...(method === 'get' ? {} : { method: method.toUpperCase() as Request['method'] }),
  ...(query ? { query } : {}),
  ...(body === undefined ? {} : { body }),
})) as Call
