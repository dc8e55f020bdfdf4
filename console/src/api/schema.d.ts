// Generated from docs/openapi.json by `npm run types`. Do not edit.

export interface paths {
    "/api/v1/audit": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What was done, the latest first */
        get: {
            parameters: {
                query?: {
                    /** @description By this user, or with a token of theirs. */
                    actor?: string;
                    /** @description This action (`job.update`), or all of a kind (`job`). */
                    action?: string;
                    /** @description To this. */
                    target?: string;
                    /** @description From this moment on (ISO 8601). */
                    since?: string;
                    /** @description Before this moment (ISO 8601). */
                    until?: string;
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_AuditView"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/audit/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** All of what was done, the oldest first, as JSON Lines */
        get: {
            parameters: {
                query?: {
                    /** @description By this user, or with a token of theirs. */
                    actor?: string;
                    /** @description This action (`job.update`), or all of a kind (`job`). */
                    action?: string;
                    /** @description To this. */
                    target?: string;
                    /** @description From this moment on (ISO 8601). */
                    since?: string;
                    /** @description Before this moment (ISO 8601). */
                    until?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/jsonl": string;
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/connections": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Connections, by name */
        get: {
            parameters: {
                query?: {
                    /** @description A part of the name or the description. */
                    q?: string;
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_ConnectionView"];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /** Make a connection */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ConnectionInput"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ConnectionView"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/connections/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Try a connection that is not kept */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ConnectionInput"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TestView"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/connections/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A connection */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ConnectionView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        /** Change a connection */
        put: {
            parameters: {
                query?: never;
                header: {
                    /** @description The ETag of what is changed */
                    "If-Match": string;
                };
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ConnectionInput"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ConnectionView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                412: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                428: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        /** Remove a connection */
        delete: {
            parameters: {
                query?: never;
                header: {
                    /** @description The ETag of what is removed */
                    "If-Match": string;
                };
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Jobs use it */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                412: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                428: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/connections/{name}/tables": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tables that a connection leads to */
        get: {
            parameters: {
                query?: {
                    /** @description Only those of this database or schema. */
                    schema?: string;
                    /** @description A part of the name. */
                    q?: string;
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_TableView"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/connections/{name}/tables/{table}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A table with its columns */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The connection's name */
                    name: string;
                    /** @description `schema.name`, or a name alone */
                    table: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TableDetail"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is no such table, or no way to it */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/connections/{name}/tables/{table}/rows": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The first rows of a table */
        get: {
            parameters: {
                query?: {
                    /** @description Rows at most: 1 to 100; 20 when not given. */
                    limit?: number;
                };
                header?: never;
                path: {
                    /** @description The connection's name */
                    name: string;
                    /** @description `schema.name`, or a name alone */
                    table: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SampleView"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/connections/{name}/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Try a connection */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TestView"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/connectors": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The connectors of this node */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ConnectorView"][];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One row that could not be written */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its number */
                    id: number;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["DeadLetterView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Drop one row */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its number */
                    id: number;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/dead-letters/{id}/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Replay one row, as it is or edited */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its number */
                    id: number;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ReplayBody"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ReplayedView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Its run is at work, or it is written already */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Jobs, by name */
        get: {
            parameters: {
                query?: {
                    /** @description A part of the name, the description, the source or the target. */
                    q?: string;
                    /** @description Only those whose newest run is in this state; several, separated by commas. */
                    state?: string;
                    /** @description Only those that use this connection. */
                    connection?: string;
                    /** @description Only those of this project. */
                    project?: string;
                    /** @description Only those that are enabled, or that are not. */
                    enabled?: boolean;
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_JobView"];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /** Make a job */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["JobInput"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["JobView"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/import": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make jobs of a file: our own as YAML or JSON, or a DataX job */
        post: {
            parameters: {
                query?: {
                    /** @description The job's name; that of the file when not given. Several are numbered. */
                    name?: string;
                    /** @description The project the jobs are put into; `default` when not given. */
                    project?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "text/plain": string;
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Imported"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The plan of a job that was sent; nothing is changed anywhere */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["JobText"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Plan"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/preview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Sample rows of a job that was sent */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["PreviewInput"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["PreviewView"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/validate": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Look a job through, without connecting to anything */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["JobText"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Validation"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A job */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["JobView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        /** Change a job */
        put: {
            parameters: {
                query?: never;
                header: {
                    /** @description The ETag of what is changed */
                    "If-Match": string;
                };
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["JobInput"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["JobView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It is to move, and a run of it is under way */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                412: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                428: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        /** Remove a job; its runs stay */
        delete: {
            parameters: {
                query?: never;
                header: {
                    /** @description The ETag of what is removed */
                    "If-Match": string;
                };
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description A run of it has not ended */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                412: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                428: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{name}/clone": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Make a copy of a job under another name; its schedule does not start it yet */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["CloneAs"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["JobView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{name}/diff": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What differs between two versions of a job */
        get: {
            parameters: {
                query?: {
                    /** @description The older one; the one before `to` when not given. */
                    from?: number;
                    /** @description The newer one; the present one when not given. */
                    to?: number;
                };
                header?: never;
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["DiffView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{name}/export": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A job as a file */
        get: {
            parameters: {
                query?: {
                    /** @description `yaml` when not given, or `json`. */
                    format?: string;
                    /** @description Which version; the present one when not given. */
                    version?: number;
                };
                header?: never;
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/yaml": string;
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{name}/plan": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** The plan of a job */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Plan"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{name}/rollback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Go back to an older version, which becomes the newest one */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["RollBack"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["JobView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                412: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It cannot be run as it was any more */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{name}/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Start a job
         * @description Answers the run, which is recorded and waits for its turn. Where the job's last run has failed,
         *     that one goes on (200), unless `fresh` is asked for.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The job's name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["StartBody"];
                };
            };
            responses: {
                /** @description The unfinished run goes on */
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RunView"];
                    };
                };
                /** @description A new run */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RunView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description A run of the job is under way or paused */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{name}/verify": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Compare a job's source and target
         * @description Answers at once; `GET /verifications/{id}` tells what it comes to.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The job's name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["VerifyBody"];
                };
            };
            responses: {
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VerificationView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{name}/versions": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Versions of a job, newest first */
        get: {
            parameters: {
                query?: {
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_VersionView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/jobs/{name}/versions/{version}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A version of a job */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its name */
                    name: string;
                    /** @description The version's number */
                    version: number;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VersionView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/live": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Watch runs as they move, over a WebSocket
         * @description Say `{"subscribe": {"all": true}}`, or `{"subscribe": {"runs": ["…"], "jobs": ["…"]}}`; saying it
         *     again changes what is seen. First comes
         *     `{"type": "snapshot", "seq": N, "runs": [Run, …]}`, then every event with its number, and a few
         *     times a second `{"type": "progress", "runs": [{"run": …, "rows_written": …}, …]}` with the runs
         *     that moved. Who connects again with `?after=N`, the number of the last event seen, gets the
         *     events since then first. Who cannot keep up gets another snapshot in place of what was missed.
         *     Once the session or token has ended, the WebSocket is closed with the code 4401.
         */
        get: {
            parameters: {
                query?: {
                    /** @description The number of the last event it has seen: those after it come first. */
                    after?: number;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description A WebSocket */
                101: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description A page of another origin */
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description No WebSocket was asked for */
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Too many watch */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/live-tickets": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Get a ticket with which a page opens a WebSocket
         * @description For pages of another origin, whose cookies or headers a browser does not send along with a
         *     WebSocket. It is good once, for half a minute, and for a page of the same origin:
         *     `new WebSocket(url, ["syncline.live", "ticket." + ticket])`. Whoever gets it watches as the one
         *     who asked for it, and no longer than that one may.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["LiveTicket"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Too many tickets are not used */
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The nodes */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_Node"];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/nodes/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A node */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description the node */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Node"];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/overview": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How it all stands */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Overview"];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Projects, by name: those one may see */
        get: {
            parameters: {
                query?: {
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_Project"];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /** Make a project */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ProjectInput"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Project"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A project */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Project"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        /**
         * Change a project
         * @description What is left out becomes as it is for a new one. A smaller `max_running` stops no run.
         */
        put: {
            parameters: {
                query?: never;
                header: {
                    /** @description The ETag of what is changed */
                    "If-Match": string;
                };
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["ProjectInput"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Project"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                412: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                428: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        /** Remove a project that no job is in, with its members */
        delete: {
            parameters: {
                query?: never;
                header: {
                    /** @description The ETag of what is removed */
                    "If-Match": string;
                };
                path: {
                    /** @description Its name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Jobs are in it, or connections name it */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                412: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                428: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{name}/members": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The members of a project, by name */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The project's name */
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["MemberView"][];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/projects/{name}/members/{user}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        /** Make a user a member of a project, or give them another role there */
        put: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The project's name */
                    name: string;
                    /** @description The user's name */
                    user: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["MemberRole"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["MemberView"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        /** Take a user out of a project */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The project's name */
                    name: string;
                    /** @description The user's name */
                    user: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/queue": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The runs that wait for their turn, the next one first */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["QueuedRun"][];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Runs, newest first */
        get: {
            parameters: {
                query?: {
                    /** @description Of this job. */
                    job?: string;
                    /** @description Of the jobs of this project. */
                    project?: string;
                    /** @description In this state; several, separated by commas. */
                    state?: string;
                    /** @description With this text in id, job, source or target. */
                    q?: string;
                    /** @description Recorded at this moment or later (ISO 8601). */
                    since?: string;
                    /** @description Recorded before this moment (ISO 8601). */
                    until?: string;
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_RunView"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One run */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RunView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /**
         * Forget a run that has ended
         * @description Its events, its history and its dead letters go with it; it is refused as long as rows of it
         *     wait to be replayed.
         */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It has not ended, or keeps dead letters */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/dead-letters": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The rows of a run that could not be written */
        get: {
            parameters: {
                query?: {
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_DeadLetterView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Drop the rows of a run that could not be written */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/dead-letters/replay": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Replay the rows of a run that have not been written */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["ReplayReport"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The run is at work */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/events": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What happened to a run, oldest first */
        get: {
            parameters: {
                query?: {
                    /** @description Only those with a larger number. */
                    after?: number;
                    /** @description Only those with a smaller number, and of them the newest. */
                    before?: number;
                    /** @description The newest so many in the place of the oldest: 1 to 500. */
                    last?: number;
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description Of logs: only those that matter so much at least: `info`, `warn`, `error`. */
                    level?: string;
                };
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Happened_EventView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/history": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The states a run went through, oldest first */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["HistoryView"][];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/logs": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** What happened to a run, in words, oldest first */
        get: {
            parameters: {
                query?: {
                    /** @description Only those with a larger number. */
                    after?: number;
                    /** @description Only those with a smaller number, and of them the newest. */
                    before?: number;
                    /** @description The newest so many in the place of the oldest: 1 to 500. */
                    last?: number;
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description Of logs: only those that matter so much at least: `info`, `warn`, `error`. */
                    level?: string;
                };
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Happened_LogLine"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/pause": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Pause a run
         * @description What has been accepted becomes durable, the exact place is kept, connections and slot are freed.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RunView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Not possible in the state it is in */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/restart": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Run a job again that this run was of
         * @description From the beginning: a run that has failed or is paused is given up for it.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description The new run */
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RunView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description A run of the job is under way */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/resume": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Let a run go on that is paused or has failed */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RunView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Not possible in the state it is in */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/samples": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * The recent points of a run's charts
         * @description From the node's memory: a point a second for ten minutes, beyond that a point a minute or two,
         *     for a day at most. They stay for a while after the run has come to rest, and end with the
         *     process.
         */
        get: {
            parameters: {
                query?: {
                    /** @description Minutes: 1 to 1440; 10 when not given. */
                    minutes?: number;
                };
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RunSamples"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/splits": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The pieces of a run, in the order of its plan */
        get: {
            parameters: {
                query?: {
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_RunSplit"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/stop": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** End a run for good */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["RunView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description Not possible in the state it is in */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/runs/{id}/tables": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The tables of a run */
        get: {
            parameters: {
                query?: {
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path: {
                    /** @description The run's key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_RunTable"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Who is signed in */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SessionView"];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Sign in
         * @description Sets the session's cookie. Too many failures in a short time are answered with 429.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SignIn"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SessionView"];
                    };
                };
                /** @description Name or password is wrong */
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        /** Sign out */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session/oidc": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Sign in with the provider
         * @description Sends the browser there; it comes back signed in.
         */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description To the provider */
                303: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description There is no provider */
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description The provider does not answer */
                503: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session/oidc/callback": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /**
         * Back from the provider
         * @description Sends the browser to the console, or to its page of signing in with the code of what failed.
         */
        get: {
            parameters: {
                query?: {
                    code?: string;
                    state?: string;
                    iss?: string;
                    error?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                /** @description To the console */
                303: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/session/ways": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** How one may sign in here */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Ways"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/settings": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The settings */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        /** @description version */
                        ETag?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Settings"];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        /**
         * Change the settings
         * @description The whole of them: what is left out goes back to what it was at first. Secrets that are left out
         *     stay as they are.
         */
        put: {
            parameters: {
                query?: never;
                header: {
                    /** @description the ETag of what was read, or * */
                    "If-Match": string;
                };
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["Settings"];
                };
            };
            responses: {
                200: {
                    headers: {
                        /** @description version */
                        ETag?: string;
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Settings"];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                412: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                428: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/settings/alerts/test": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /** Send a word by every way there is to tell people */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["AlertTest"][];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/setup": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Make the first admin
         * @description Signs them in, too. Works once, with the link that the server prints at its first start.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["SetUp"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["SessionView"];
                    };
                };
                401: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description There is an admin already */
                410: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Tokens: one's own, an admin everybody's */
        get: {
            parameters: {
                query?: {
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_TokenView"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /**
         * Make a token
         * @description The token itself is in this answer, and nowhere else ever again.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["TokenNew"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["TokenMade"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/tokens/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        post?: never;
        /** Remove a token: one's own, an admin anybody's */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Users, by name */
        get: {
            parameters: {
                query?: {
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_UserView"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        /** Make a user */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UserNew"];
                };
            };
            responses: {
                201: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["UserView"];
                    };
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/users/{name}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** A user */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["UserView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        /** Remove a user, with their sessions and tokens */
        delete: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    name: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        options?: never;
        head?: never;
        /**
         * Change a user's role, or shut them out
         * @description The last admin stays one.
         */
        patch: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["UserEdit"];
                };
            };
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["UserView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        trace?: never;
    };
    "/api/v1/users/{name}/password": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Change a password
         * @description One's own with the current one; an admin anybody's. Every other session of the user ends.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    name: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["PasswordChange"];
                };
            };
            responses: {
                204: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content?: never;
                };
                403: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                422: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                429: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/verifications": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** Comparisons, newest first */
        get: {
            parameters: {
                query?: {
                    /** @description Of this job. */
                    job?: string;
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path?: never;
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_VerificationView"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/verifications/{id}": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** One comparison */
        get: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VerificationView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/verifications/{id}/differences": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        /** The rows that differ */
        get: {
            parameters: {
                query?: {
                    /** @description Items at most: 1 to 500; 50 when not given. */
                    limit?: number;
                    /** @description `next` of the page before. */
                    after?: string;
                };
                header?: never;
                path: {
                    /** @description Its key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody?: never;
            responses: {
                200: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["Page_DifferenceView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        put?: never;
        post?: never;
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
    "/api/v1/verifications/{id}/repair": {
        parameters: {
            query?: never;
            header?: never;
            path?: never;
            cookie?: never;
        };
        get?: never;
        put?: never;
        /**
         * Mend the target of a comparison that found differences
         * @description Compares again and writes what is missing or differs; the source is never written to.
         */
        post: {
            parameters: {
                query?: never;
                header?: never;
                path: {
                    /** @description Its key */
                    id: string;
                };
                cookie?: never;
            };
            requestBody: {
                content: {
                    "application/json": components["schemas"]["RepairBody"];
                };
            };
            responses: {
                /** @description The comparison that mends */
                202: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/json": components["schemas"]["VerificationView"];
                    };
                };
                404: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description It found nothing to mend */
                409: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
                /** @description what is wrong; `code` says it for programs */
                default: {
                    headers: {
                        [name: string]: unknown;
                    };
                    content: {
                        "application/problem+json": components["schemas"]["Problem"];
                    };
                };
            };
        };
        delete?: never;
        options?: never;
        head?: never;
        patch?: never;
        trace?: never;
    };
}
export type webhooks = Record<string, never>;
export interface components {
    schemas: {
        /** @description What became of a word sent by one way. */
        AlertTest: {
            /** @description `email`, or `webhook NAME`. */
            channel: string;
            /** @description Whether it has arrived. */
            ok: boolean;
            error?: components["schemas"]["Problem"] | null;
        };
        /** @description When people are told that something is wrong, and how. */
        Alerts: {
            /**
             * @description A run has failed.
             * @default false
             */
            on_failed?: boolean;
            /**
             * Format: int32
             * @description A run waits for a store, or a slot, for so many seconds.
             * @default null
             */
            waiting_seconds?: number | null;
            /**
             * Format: int32
             * @description A run that follows changes is so many seconds behind.
             * @default null
             */
            lag_seconds?: number | null;
            /**
             * Format: int64
             * @description A run has kept so many rows as dead letters.
             * @default null
             */
            dead_letters?: number | null;
            /**
             * @description Address at which people reach this server, for the links in what they are told.
             * @default null
             * @example https://syncline.example.org
             */
            link?: string | null;
            /**
             * @description Addresses that are told by an HTTP POST of JSON.
             * @default []
             */
            webhooks?: components["schemas"]["Webhook"][];
            /** @default null */
            email?: components["schemas"]["Email"] | null;
        };
        /** @description Something that was done. */
        AuditView: {
            /**
             * Format: int64
             * @description Its number.
             */
            id: number;
            /** @description When. */
            at: string;
            /** @description Who did it: a user, `user/token`, or a part of the server. */
            actor: string;
            /**
             * @description What they did.
             * @example job.update
             */
            action: string;
            /** @description To what: its name or id. */
            target: string;
            /** @description What else there is to know. */
            detail: unknown;
            /** @description Where they did it from. */
            address?: string | null;
        };
        /** @description What a copy is to be named. */
        CloneAs: {
            /** @description The copy's name. */
            name: string;
        };
        /** @description A column. */
        ColumnView: {
            /** @description Its name. */
            name: string;
            /** @description Its type, by its portable name. */
            type: string;
            /** @description Its type in the store's own words. */
            native?: string | null;
            /** @description Whether it takes NULL. */
            nullable: boolean;
            /** @description Whether it is part of the key. */
            key: boolean;
            /** @description Whether the store computes it. */
            generated: boolean;
            /** @description Its comment. */
            comment?: string | null;
        };
        /** @description A connection, as it is given. */
        ConnectionInput: {
            /** @description Its name. On a change it may be left out. */
            name?: string | null;
            /**
             * @description Its URL: one node, or several hosts of a cluster separated by commas.
             * @example mysql://sync@db1:3306,db2:3306/shop
             */
            url: string;
            /** @description Its password. On a change: left out, the one that is there stays; `null` takes it away. */
            password?: string | null;
            /** @description Options of its connector, beside those in the URL. */
            options?: {
                [key: string]: string;
            };
            /** @description What it is, for people. */
            description?: string;
            /**
             * Format: int32
             * @description How many runs may use it at the same time; as the settings say when not given.
             */
            limit?: number | null;
            /** @description The projects whose jobs may use it; all when none is named. On a change: left out, they stay. */
            projects?: string[] | null;
        };
        /** @description A connection. */
        ConnectionView: {
            /** @description Its name. */
            name: string;
            /** @description Id of its connector. */
            connector: string;
            /** @description Its URL, without password and options. */
            url: string;
            /** @description Its options. */
            options: {
                [key: string]: string;
            };
            /** @description Whether a password is kept for it. */
            has_password: boolean;
            /** @description What it is, for people. */
            description: string;
            /**
             * Format: int32
             * @description How many runs may use it at the same time.
             */
            limit?: number | null;
            /** @description The projects whose jobs may use it; all when none is named. */
            projects: string[];
            /**
             * Format: int64
             * @description How often it has been changed; the same as the `ETag`.
             */
            version: number;
            /** @description When it was made. */
            created_at: string;
            /** @description When it last changed. */
            updated_at: string;
            /** @description Who changed it last. */
            updated_by: string;
            /** @description Jobs that use it. */
            used_by: string[];
        };
        /** @description A kind of store. */
        ConnectorView: {
            /** @description Its id, the first of its schemes. */
            id: string;
            /** @description Its name, for people. */
            title: string;
            /** @description Schemes of URLs that are its. */
            schemes: string[];
            /** @description A URL of it. */
            example: string;
            /** @description Modes in which it is a source; none when it is no source. */
            source_modes: string[];
            /** @description Whether it is a target. */
            sink: boolean;
            /** @description What it guarantees as a target. */
            guarantee: string;
            /** @description Versions it is tested with. */
            versions: string;
            /** @description What else there is to know, as Markdown. */
            notes: string;
            /** @description Its options. */
            options: components["schemas"]["OptionView"][];
        };
        /** @description A row that could not be written. */
        DeadLetterView: {
            /**
             * Format: int64
             * @description Its number.
             */
            id: number;
            /** @description The run it belongs to. */
            run: string;
            /** @description The source table. */
            source: string;
            /** @description The target table. */
            target: string;
            /** @description Where it failed: `read`, `process` or `write`. */
            stage: string;
            /** @description Its key. */
            key: Record<string, unknown>;
            /**
             * @description The error's code.
             * @example E0302
             */
            code: string;
            /** @description What was wrong. */
            reason: string;
            /** @description The row, every value as text, NULL as null. */
            row: Record<string, unknown>;
            /** @description When it was kept (UTC, ISO 8601). */
            at: string;
            /** @description When it was written after all. */
            replayed_at?: string | null;
        };
        /** @description What differs between two versions. */
        DiffView: {
            /**
             * Format: int64
             * @description The older one.
             */
            from: number;
            /**
             * Format: int64
             * @description The newer one.
             */
            to: number;
            /** @description What differs, as a unified diff of YAML; empty when nothing does. */
            diff: string;
        };
        /** @description A row that differs. */
        DifferenceView: Record<string, unknown> & {
            /**
             * Format: int64
             * @description Its number.
             */
            id: number;
        };
        /** @description How mail is sent, and to whom. */
        Email: {
            /** @description Host of the mail server. */
            host: string;
            /**
             * Format: int32
             * @description Its port.
             */
            port: number;
            /** @description How the line is encrypted: `tls` from the first byte, `start_tls`, or `none`. */
            security: components["schemas"]["MailSecurity"];
            /** @description Who signs in; nobody when `null`. */
            user?: string | null;
            /**
             * @description Who it is from.
             * @example Syncline <syncline@example.org>
             */
            from: string;
            /** @description Who it goes to. */
            to: string[];
        };
        /** @description An event of a run. */
        EventView: Record<string, unknown> & {
            /**
             * Format: int64
             * @description Its number, ascending over all runs.
             */
            seq: number;
            /** @description The run. */
            run: string;
            /** @description The job. */
            job?: string | null;
            /** @description When (UTC, ISO 8601). */
            at: string;
            /** @description What kind: `state`, `planned`, `note`, `waiting`, `streaming`, `finished`, `dead_letters`, …. */
            type: string;
            /** @description `info`, `warn` or `error`. */
            level: string;
            /** @description In words. */
            message: string;
        };
        /** @description How changes are followed. */
        FollowingView: {
            /** @description Where the log is read from. */
            from: string;
            /** @description What a kill and a resume do to changes. */
            guarantee: string;
            /** @description What the source says of its log. */
            notes: string[];
        };
        /** @description A list of what happened, oldest first. */
        Happened_EventView: {
            /** @description The items. */
            items: (Record<string, unknown> & {
                /**
                 * Format: int64
                 * @description Its number, ascending over all runs.
                 */
                seq: number;
                /** @description The run. */
                run: string;
                /** @description The job. */
                job?: string | null;
                /** @description When (UTC, ISO 8601). */
                at: string;
                /** @description What kind: `state`, `planned`, `note`, `waiting`, `streaming`, `finished`, `dead_letters`, …. */
                type: string;
                /** @description `info`, `warn` or `error`. */
                level: string;
                /** @description In words. */
                message: string;
            })[];
            /**
             * Format: int64
             * @description What `after` has to be for the next ones; `null` when these are all there are by now.
             */
            next?: number | null;
            /**
             * Format: int64
             * @description Where the newest were asked for: what `before` has to be for the ones before these; `null`
             *     when these are the first.
             */
            previous?: number | null;
        };
        /** @description A list of what happened, oldest first. */
        Happened_LogLine: {
            /** @description The items. */
            items: {
                /**
                 * Format: int64
                 * @description Its number, ascending over all runs.
                 */
                seq: number;
                /** @description When (UTC, ISO 8601). */
                at: string;
                /** @description `info`, `warn` or `error`. */
                level: string;
                /** @description What happened. */
                message: string;
            }[];
            /**
             * Format: int64
             * @description What `after` has to be for the next ones; `null` when these are all there are by now.
             */
            next?: number | null;
            /**
             * Format: int64
             * @description Where the newest were asked for: what `before` has to be for the ones before these; `null`
             *     when these are the first.
             */
            previous?: number | null;
        };
        /** @description A state that a run has entered. */
        HistoryView: {
            /** @description When (UTC, ISO 8601). */
            at: string;
            /** @description The state. */
            state: string;
            /** @description Why, where there is something to say. */
            reason?: string | null;
        };
        /** @description What was imported. */
        Imported: {
            /** @description The jobs. Their schedules start none of those that come from DataX. */
            jobs: components["schemas"]["JobView"][];
            /** @description Connections that were made for them. */
            connections: string[];
            /** @description What a person should know. */
            notes: string[];
        };
        /** @description An index. */
        IndexView: {
            /** @description Its name. */
            name: string;
            /** @description Its columns. */
            columns: string[];
            /** @description Whether it forbids duplicates. */
            unique: boolean;
        };
        /** @description A job, as it is given: the job itself either as `spec` or as `yaml`. */
        JobInput: {
            /** @description Its name; that of the job file when not given. */
            name?: string | null;
            /** @description The job file as JSON (see docs/job.schema.json). */
            spec?: Record<string, unknown> | null;
            /** @description The job file as YAML; it is kept as it is, with its comments. */
            yaml?: string | null;
            /** @description What it is, for people. On a change: left out, it stays. */
            description?: string | null;
            /**
             * Format: int32
             * @description Which goes first when several wait, the higher one; 0 when not given. On a change: left
             *     out, it stays.
             */
            priority?: number | null;
            /** @description Whether its schedule starts it; it does when not given. On a change: left out, it stays. */
            enabled?: boolean | null;
            /**
             * @description The project it is in; `default` when not given. On a change: left out, it stays. A job moves
             *     while no run of it is under way, and its runs move with it.
             */
            project?: string | null;
            /** @description What the change is about, for the list of versions. */
            note?: string | null;
        };
        /** @description A job, as it is sent: one of the two. */
        JobText: {
            /** @description The job file as JSON (see docs/job.schema.json). */
            spec?: Record<string, unknown> | null;
            /** @description The job file as YAML; it is kept as it is, with its comments. */
            yaml?: string | null;
            /** @description The project it is to be in, which says what it may use; `default` when not given. */
            project?: string | null;
        };
        /** @description A job. */
        JobView: {
            /** @description Its name. */
            name: string;
            /** @description The project it is in. */
            project: string;
            /** @description The job file as JSON. */
            spec: Record<string, unknown>;
            /** @description The job file as YAML: as it was written, where it was. */
            yaml: string;
            /** @description What it is, for people. */
            description: string;
            /**
             * Format: int32
             * @description Which goes first when several wait: the higher one.
             */
            priority: number;
            /** @description Whether its schedule starts it. */
            enabled: boolean;
            /**
             * Format: int64
             * @description How often it has been changed; the same as the `ETag`.
             */
            version: number;
            /** @description `full`, `batch`, `changes`, `full+changes`. */
            mode: string;
            /** @description Its source: the name of a connection, or an address without secrets. */
            source: string;
            /** @description Its target. */
            sink: string;
            /** @description When it is started by itself: a cron expression or an object, as in the job file. */
            schedule?: Record<string, unknown> | null;
            /** @description When it is started next, where a clock tells it. */
            next_start?: string | null;
            last_run?: components["schemas"]["RunView"] | null;
            /** @description When it was made. */
            created_at: string;
            /** @description When it last changed. */
            updated_at: string;
            /** @description Who changed it last. */
            updated_by: string;
        };
        /** @description A ticket for a WebSocket. */
        LiveTicket: {
            /** @description The ticket, shown once and good once. */
            ticket: string;
            /** @description Until when it is good (UTC, ISO 8601). */
            expires_at: string;
        };
        /** @description A line of a run's log. */
        LogLine: {
            /**
             * Format: int64
             * @description Its number, ascending over all runs.
             */
            seq: number;
            /** @description When (UTC, ISO 8601). */
            at: string;
            /** @description `info`, `warn` or `error`. */
            level: string;
            /** @description What happened. */
            message: string;
        };
        /** @enum {string} */
        MailSecurity: "tls" | "start_tls" | "none";
        /** @description The one who is signed in. */
        Me: {
            /** @description Their name; `user/token` for a token. */
            name: string;
            /** @description How far they may go everywhere. */
            role: components["schemas"]["Role"];
            /** @description Their roles in projects; where it is larger than the one that counts everywhere, it counts. */
            projects: {
                [key: string]: components["schemas"]["Role"];
            };
        };
        /** @description A role in a project. */
        MemberRole: {
            /** @description `viewer`, `operator` or `editor`. */
            role: components["schemas"]["Role"];
        };
        /** @description Somebody's role in a project. */
        MemberView: {
            /** @description Who. */
            user: string;
            /** @description Their role there; it counts where it is larger than the one they have everywhere. */
            role: components["schemas"]["Role"];
        };
        /** @description A node. */
        Node: {
            /** @description Its name. */
            name: string;
            /** @description The version it runs. */
            version: string;
            /** @description When it was started (UTC, ISO 8601). */
            started_at: string;
            /** @description `ready`: a node that answers is. */
            state: string;
            /**
             * Format: float
             * @description Of one core, in percent, since it was last asked.
             */
            cpu_percent: number;
            /**
             * Format: int64
             * @description Memory in RAM.
             */
            rss_bytes: number;
            /**
             * Format: int32
             * @description Runs there may be at the same time.
             */
            slots: number;
            /** @description Runs that wait for a slot. */
            queued: number;
            /** @description Ids of the runs at work on it. */
            running: string[];
        };
        /** @description An option of a connector. */
        OptionView: {
            /** @description Its key in a URL or a job file. */
            name: string;
            /** @description `text`, `number`, `true or false`, or the values it takes, joined by ` | `. */
            kind: string;
            /** @description Its default; empty when it has none. */
            default: string;
            /** @description What it does. */
            doc: string;
        };
        /** @description How it all stands. */
        Overview: {
            /**
             * Format: int64
             * @description Runs at work.
             */
            running: number;
            /**
             * Format: int64
             * @description Runs that wait for a slot or a store.
             */
            waiting: number;
            /**
             * Format: int64
             * @description Runs that failed in the last 24 hours.
             */
            failed_24h: number;
            /**
             * Format: int64
             * @description Runs that finished in the last 24 hours.
             */
            finished_24h: number;
            /**
             * Format: int64
             * @description Rows written in a second, by all runs that may be seen together.
             */
            rows_per_second: number;
            /**
             * Format: int64
             * @description The largest lag of all runs that follow changes.
             */
            max_lag_ms?: number | null;
            /** @description The sources in use. */
            sources: components["schemas"]["SourceView"][];
            /** @description The newest runs. */
            recent: components["schemas"]["RunView"][];
            /**
             * @description Rows written in a second over the last hour, by all runs together; empty for those who see
             *     only some.
             */
            throughput: components["schemas"]["Sample"][];
        };
        /** @description A page of a list. */
        Page_AuditView: {
            /** @description The items. */
            items: {
                /**
                 * Format: int64
                 * @description Its number.
                 */
                id: number;
                /** @description When. */
                at: string;
                /** @description Who did it: a user, `user/token`, or a part of the server. */
                actor: string;
                /**
                 * @description What they did.
                 * @example job.update
                 */
                action: string;
                /** @description To what: its name or id. */
                target: string;
                /** @description What else there is to know. */
                detail: unknown;
                /** @description Where they did it from. */
                address?: string | null;
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_ConnectionView: {
            /** @description The items. */
            items: {
                /** @description Its name. */
                name: string;
                /** @description Id of its connector. */
                connector: string;
                /** @description Its URL, without password and options. */
                url: string;
                /** @description Its options. */
                options: {
                    [key: string]: string;
                };
                /** @description Whether a password is kept for it. */
                has_password: boolean;
                /** @description What it is, for people. */
                description: string;
                /**
                 * Format: int32
                 * @description How many runs may use it at the same time.
                 */
                limit?: number | null;
                /** @description The projects whose jobs may use it; all when none is named. */
                projects: string[];
                /**
                 * Format: int64
                 * @description How often it has been changed; the same as the `ETag`.
                 */
                version: number;
                /** @description When it was made. */
                created_at: string;
                /** @description When it last changed. */
                updated_at: string;
                /** @description Who changed it last. */
                updated_by: string;
                /** @description Jobs that use it. */
                used_by: string[];
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_DeadLetterView: {
            /** @description The items. */
            items: {
                /**
                 * Format: int64
                 * @description Its number.
                 */
                id: number;
                /** @description The run it belongs to. */
                run: string;
                /** @description The source table. */
                source: string;
                /** @description The target table. */
                target: string;
                /** @description Where it failed: `read`, `process` or `write`. */
                stage: string;
                /** @description Its key. */
                key: Record<string, unknown>;
                /**
                 * @description The error's code.
                 * @example E0302
                 */
                code: string;
                /** @description What was wrong. */
                reason: string;
                /** @description The row, every value as text, NULL as null. */
                row: Record<string, unknown>;
                /** @description When it was kept (UTC, ISO 8601). */
                at: string;
                /** @description When it was written after all. */
                replayed_at?: string | null;
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_DifferenceView: {
            /** @description The items. */
            items: (Record<string, unknown> & {
                /**
                 * Format: int64
                 * @description Its number.
                 */
                id: number;
            })[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_JobView: {
            /** @description The items. */
            items: {
                /** @description Its name. */
                name: string;
                /** @description The project it is in. */
                project: string;
                /** @description The job file as JSON. */
                spec: Record<string, unknown>;
                /** @description The job file as YAML: as it was written, where it was. */
                yaml: string;
                /** @description What it is, for people. */
                description: string;
                /**
                 * Format: int32
                 * @description Which goes first when several wait: the higher one.
                 */
                priority: number;
                /** @description Whether its schedule starts it. */
                enabled: boolean;
                /**
                 * Format: int64
                 * @description How often it has been changed; the same as the `ETag`.
                 */
                version: number;
                /** @description `full`, `batch`, `changes`, `full+changes`. */
                mode: string;
                /** @description Its source: the name of a connection, or an address without secrets. */
                source: string;
                /** @description Its target. */
                sink: string;
                /** @description When it is started by itself: a cron expression or an object, as in the job file. */
                schedule?: Record<string, unknown> | null;
                /** @description When it is started next, where a clock tells it. */
                next_start?: string | null;
                last_run?: components["schemas"]["RunView"] | null;
                /** @description When it was made. */
                created_at: string;
                /** @description When it last changed. */
                updated_at: string;
                /** @description Who changed it last. */
                updated_by: string;
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_Node: {
            /** @description The items. */
            items: {
                /** @description Its name. */
                name: string;
                /** @description The version it runs. */
                version: string;
                /** @description When it was started (UTC, ISO 8601). */
                started_at: string;
                /** @description `ready`: a node that answers is. */
                state: string;
                /**
                 * Format: float
                 * @description Of one core, in percent, since it was last asked.
                 */
                cpu_percent: number;
                /**
                 * Format: int64
                 * @description Memory in RAM.
                 */
                rss_bytes: number;
                /**
                 * Format: int32
                 * @description Runs there may be at the same time.
                 */
                slots: number;
                /** @description Runs that wait for a slot. */
                queued: number;
                /** @description Ids of the runs at work on it. */
                running: string[];
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_Project: {
            /** @description The items. */
            items: {
                /** @description Its name. */
                name: string;
                /** @description What it is, for people. */
                description: string;
                /**
                 * Format: int32
                 * @description Runs of its jobs at the same time; `null`: as many as there are slots. Those that follow a
                 *     log do not count.
                 */
                max_running?: number | null;
                /**
                 * Format: int64
                 * @description How many jobs are in it.
                 */
                jobs: number;
                /**
                 * Format: int64
                 * @description How often it has been changed; the same as the `ETag`.
                 */
                version: number;
                /** @description When it was made. */
                created_at: string;
                /** @description When it last changed. */
                updated_at: string;
                /** @description Who changed it last; empty for `default`, which is always there, as long as nobody has. */
                updated_by: string;
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_RunSplit: {
            /** @description The items. */
            items: {
                /** @description The target table. */
                table: string;
                /**
                 * Format: int32
                 * @description Its number within the table.
                 */
                split: number;
                /**
                 * Format: int64
                 * @description Rows of it that are durable.
                 */
                rows: number;
                /**
                 * Format: int64
                 * @description Estimated rows, where the source could tell.
                 */
                rows_estimated?: number | null;
                /** @description The connector's own description of the place up to which they are; none before the first. */
                position?: string | null;
                /** @description It is complete. */
                done: boolean;
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_RunTable: {
            /** @description The items. */
            items: {
                /** @description The source table. */
                source: string;
                /** @description The target table. */
                target: string;
                /**
                 * Format: int64
                 * @description Rows read.
                 */
                rows_read: number;
                /**
                 * Format: int64
                 * @description Rows written.
                 */
                rows_written: number;
                /**
                 * Format: int64
                 * @description Estimated rows, where the source could tell.
                 */
                rows_estimated?: number | null;
                /** @description Pieces. */
                splits: number;
                /** @description Pieces that are complete. */
                splits_done: number;
                /**
                 * Format: int64
                 * @description Rows kept as dead letters.
                 */
                dead_letters: number;
                /**
                 * Format: int64
                 * @description Changes of the log that were applied, since the run was last taken up.
                 */
                changes: number;
                /** @description The whole table is at the target. */
                done: boolean;
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_RunView: {
            /** @description The items. */
            items: {
                /** @description Its unique key (UUIDv7). */
                id: string;
                /** @description The job's name. */
                job: string;
                /**
                 * Format: int64
                 * @description The job's version that it was started with.
                 */
                job_version?: number | null;
                /** @description The project its job is in. */
                project: string;
                /**
                 * @description `created`, `waiting`, `running`, `pausing`, `paused`, `stopping`, `stopped`, `finished` or
                 *     `failed`.
                 * @example running
                 */
                state: string;
                /** @description Why, where there is something to say. */
                reason?: string | null;
                /** @description What it waits for, while it is in the queue. */
                waits_for?: string | null;
                /**
                 * @description What started it: `api`, `schedule`, `completion`, `restart`, or `command`.
                 * @example api
                 */
                trigger: string;
                /** @description `full`, `batch`, `changes`, `full+changes`. */
                mode?: string | null;
                /** @description The source, without secrets. */
                source: string;
                /** @description The target, without secrets. */
                sink: string;
                /** @description The stored connection it reads, where the job names one. */
                source_connection?: string | null;
                /** @description The stored connection it writes to, where the job names one. */
                sink_connection?: string | null;
                /**
                 * Format: int64
                 * @description Runs of a higher one are started first.
                 */
                priority: number;
                /**
                 * Format: int64
                 * @description How often it has been taken up.
                 */
                epoch: number;
                /** @description The node that has it. */
                node?: string | null;
                /**
                 * Format: int64
                 * @description Rows read, over all its processes.
                 */
                rows_read: number;
                /**
                 * Format: int64
                 * @description Rows written, over all its processes.
                 */
                rows_written: number;
                /**
                 * Format: int64
                 * @description Estimated rows, once it is planned.
                 */
                rows_estimated?: number | null;
                /**
                 * Format: int64
                 * @description Rows kept as dead letters.
                 */
                dead_letters: number;
                /**
                 * Format: int64
                 * @description Rows written a second: just now while it is at work, on the whole once it has ended.
                 */
                rows_per_second: number;
                /**
                 * Format: int64
                 * @description Milliseconds of the processor that were seen to be its own, over all its processes.
                 */
                cpu_ms: number;
                /**
                 * Format: int64
                 * @description Milliseconds from the last commit at the source until it was durable at the target.
                 */
                lag_ms?: number | null;
                /** @description It has caught up with the source's log, and follows it. */
                following: boolean;
                /** @description The place in the log up to which everything is durable. */
                position?: string | null;
                /** @description When it was recorded (UTC, ISO 8601). */
                created_at: string;
                /** @description When it last changed. */
                updated_at: string;
                /** @description Since when it waits for its turn. */
                queued_at?: string | null;
                /** @description When it first began to move. */
                started_at?: string | null;
                /** @description When it ended. */
                ended_at?: string | null;
                error?: components["schemas"]["RunErrorView"] | null;
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_TableView: {
            /** @description The items. */
            items: {
                /** @description The database or schema it lies in, where there is such a level. */
                schema?: string | null;
                /** @description Its name. */
                name: string;
                /** @description `table`, or `partitioned table`. */
                kind: string;
                /**
                 * Format: int64
                 * @description Estimated rows, where the store can tell cheaply.
                 */
                rows_estimated?: number | null;
                /**
                 * Format: int64
                 * @description Estimated bytes, where the store can tell cheaply.
                 */
                bytes?: number | null;
                /** @description Whether it has a key that tells its rows apart. */
                has_key: boolean;
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_TokenView: {
            /** @description The items. */
            items: {
                /** @description Its id. */
                id: string;
                /** @description What it is for. */
                name: string;
                /** @description Whose it is; `null` when it was made with the admin token of the environment. */
                owner?: string | null;
                /** @description How far it goes, and never further than its owner. */
                role: components["schemas"]["Role"];
                /** @description The jobs it is limited to; `null`: all. */
                jobs?: string[] | null;
                /** @description The projects it is limited to; `null`: all. */
                projects?: string[] | null;
                /** @description When it was made. */
                created_at: string;
                /** @description Until when it is good; `null`: until it is removed. */
                expires_at?: string | null;
                /** @description When it was last used, to the minute. */
                last_used_at?: string | null;
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_UserView: {
            /** @description The items. */
            items: {
                /** @description Their name. */
                name: string;
                /** @description How far they may go. */
                role: components["schemas"]["Role"];
                /** @description They may not sign in, and their tokens do nothing. */
                disabled: boolean;
                /** @description They have a password; those without one sign in with a provider. */
                has_password: boolean;
                /** @description They sign in with a provider. */
                external: boolean;
                /** @description When they were made. */
                created_at: string;
                /** @description When they were last changed. */
                updated_at: string;
                /** @description When they last signed in. */
                signed_in_at?: string | null;
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_VerificationView: {
            /** @description The items. */
            items: {
                /** @description Its unique key. */
                id: string;
                /** @description The job. */
                job: string;
                /** @description Who asked for it. */
                started_by: string;
                /** @description `running`, `equal`, `different` or `failed`. */
                state: string;
                /** @description What was asked. */
                options: Record<string, unknown>;
                progress?: components["schemas"]["VerificationProgress"] | null;
                /** @description When it began (UTC, ISO 8601). */
                created_at: string;
                /** @description When it ended. */
                ended_at?: string | null;
                /** @description What it came to: tables with their counts, what was mended, seconds. */
                verdict?: Record<string, unknown> | null;
                /** @description Why it failed. */
                error?: Record<string, unknown> | null;
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description A page of a list. */
        Page_VersionView: {
            /** @description The items. */
            items: {
                /**
                 * Format: int64
                 * @description Its number.
                 */
                version: number;
                /** @description When it was written. */
                at: string;
                /** @description Who wrote it. */
                actor: string;
                /** @description What the change was about. */
                note: string;
                /** @description What it was, for people. */
                description: string;
                /**
                 * Format: int32
                 * @description Its priority.
                 */
                priority: number;
                /** @description Whether its schedule started it. */
                enabled: boolean;
                /** @description The job file as JSON. */
                spec: Record<string, unknown>;
                /** @description The job file as YAML. */
                yaml: string;
            }[];
            /** @description Cursor of the next page; `null` on the last one. */
            next?: string | null;
        };
        /** @description Another password. */
        PasswordChange: {
            /** @description The one so far; needed for one's own. */
            current?: string | null;
            /** @description The new one: 10 characters at least. */
            password: string;
        };
        /** @description The plan of a job, and the mapping of every column. */
        Plan: {
            /** @description The source, without secrets. */
            source: string;
            /** @description The target, without secrets. */
            sink: string;
            /** @description What a person should know. */
            notes: string[];
            /** @description Whether all splits show one moment; else why not. */
            snapshot: string;
            /** @description Splits at work at the same time. */
            parallel: number;
            following?: components["schemas"]["FollowingView"] | null;
            /** @description The tables. */
            tables: components["schemas"]["PlanTable"][];
        };
        /** @description What becomes of one column. */
        PlanColumn: {
            /** @description Its name at the source. */
            from: string;
            /** @description Its type at the source. */
            from_type: string;
            /** @description Its name at the target. */
            to: string;
            /** @description Its type at the target. */
            to_type: string;
            /** @description `exact`, `widened` or `lossy`. */
            fidelity: string;
            /** @description Why it is not exact. */
            why?: string | null;
            /** @description Odd values that are refused although every other is kept. */
            refused: string[];
        };
        /** @description The plan of one table. */
        PlanTable: {
            /** @description Source table. */
            source: string;
            /** @description Target table. */
            target: string;
            /** @description Whether the target is made by the run. */
            creates: boolean;
            /**
             * @description What happens to rows that are there already: `append`, `upsert`, `replace`.
             * @example upsert
             */
            write: string;
            /** @description What a kill and a resume do to rows. */
            guarantee: string;
            /** @description Pieces. */
            splits: number;
            /** @description Whether a killed run goes on inside a piece. */
            resumable: boolean;
            /**
             * Format: int64
             * @description Estimated rows.
             */
            rows_estimated?: number | null;
            /** @description The columns that are written. */
            columns: components["schemas"]["PlanColumn"][];
            /** @description What a person should know. */
            notes: string[];
        };
        /** @description A job, and which rows to look at. */
        PreviewInput: {
            /** @description The job file as JSON. */
            spec?: Record<string, unknown> | null;
            /** @description The job file as YAML. */
            yaml?: string | null;
            /** @description The project it is to be in, which says what it may use; `default` when not given. */
            project?: string | null;
            /** @description The table, `schema.name` or a name alone; the first of the job's when not given. */
            table?: string | null;
            /**
             * Format: int32
             * @description Rows at most: 1 to 100; 20 when not given.
             */
            rows?: number | null;
        };
        /** @description Sample rows, before and after a job's choice of columns and its steps. */
        PreviewView: {
            /** @description The table they are of. */
            table: string;
            /** @description The rows as they are. */
            before: components["schemas"]["SampleView"];
            /** @description The rows as they would go to the target. */
            after: components["schemas"]["SampleView"];
        };
        /** @description An error, as the API answers it. */
        Problem: {
            /**
             * @description Where the code is explained.
             * @example /docs/errors#E0207
             */
            type: string;
            /** @description A few words that name the code. */
            title: string;
            /**
             * Format: int32
             * @description The HTTP status, again.
             */
            status: number;
            /** @description What happened and where. */
            detail: string;
            /**
             * @description The error's code, the same as on the command line.
             * @example E0207
             */
            code: string;
            /** @description What to do. */
            hint?: string | null;
            /** @description Which part of what was sent it is about: `source`, `connections.shop`. */
            at?: string | null;
            /**
             * Format: int64
             * @description Line in the text that was sent, from 1.
             */
            line?: number | null;
            /**
             * Format: int64
             * @description Column in that line, from 1.
             */
            column?: number | null;
        };
        /** @description A project. */
        Project: {
            /** @description Its name. */
            name: string;
            /** @description What it is, for people. */
            description: string;
            /**
             * Format: int32
             * @description Runs of its jobs at the same time; `null`: as many as there are slots. Those that follow a
             *     log do not count.
             */
            max_running?: number | null;
            /**
             * Format: int64
             * @description How many jobs are in it.
             */
            jobs: number;
            /**
             * Format: int64
             * @description How often it has been changed; the same as the `ETag`.
             */
            version: number;
            /** @description When it was made. */
            created_at: string;
            /** @description When it last changed. */
            updated_at: string;
            /** @description Who changed it last; empty for `default`, which is always there, as long as nobody has. */
            updated_by: string;
        };
        /** @description A project, as it is given. */
        ProjectInput: {
            /** @description Its name. On a change it may be left out. */
            name?: string | null;
            /** @description What it is, for people. */
            description?: string;
            /**
             * Format: int32
             * @description Runs of its jobs at the same time; as many as there are slots when not given.
             */
            max_running?: number | null;
        };
        /** @description A run that waits for its turn. */
        QueuedRun: {
            /** @description The run. */
            run: string;
            /** @description Its job. */
            job: string;
            /** @description The project its job is in. */
            project: string;
            /** @description Its place, from 1. */
            position: number;
            /**
             * @description What it waits for.
             * @example all 4 slots are taken
             */
            reason: string;
            /**
             * Format: int64
             * @description Runs of a higher one are started first.
             */
            priority: number;
            /**
             * Format: int64
             * @description Seconds it has waited.
             */
            waited_seconds: number;
            /**
             * Format: int64
             * @description Seconds it is expected to take, where its job has run before.
             */
            expected_seconds?: number | null;
            /** @description Since when it waits (UTC, ISO 8601). */
            queued_at?: string | null;
        };
        /** @description What is mended. */
        RepairBody: {
            /**
             * @description Rows that only the target has are deleted also where the job copies only some rows.
             * @default false
             */
            delete_extra?: boolean;
        };
        /** @description How a row is replayed. */
        ReplayBody: {
            /** @description Values in place of those that were kept, by column: texts, numbers, true or false, or null. */
            row?: Record<string, unknown> | null;
        };
        /** @description What became of rows that were replayed. */
        ReplayReport: {
            /**
             * Format: int64
             * @description How many were written.
             */
            written: number;
            /**
             * Format: int64
             * @description How many failed again.
             */
            failed: number;
            /** @description Whether there are more to be replayed than one request takes. */
            more: boolean;
            /** @description Each of them. */
            items: components["schemas"]["ReplayedView"][];
        };
        /** @description What became of a row that was replayed. */
        ReplayedView: {
            /**
             * Format: int64
             * @description Its number.
             */
            id: number;
            /** @description It is at the target now. */
            written: boolean;
            error?: components["schemas"]["Problem"] | null;
        };
        /**
         * @description How far somebody may go; each role may all that the ones before it may.
         * @enum {string}
         */
        Role: "member" | "viewer" | "operator" | "editor" | "admin";
        /** @description Which version to go back to. */
        RollBack: {
            /**
             * Format: int64
             * @description Its number.
             */
            version: number;
        };
        /** @description The error that ended a run. */
        RunErrorView: {
            /**
             * @description Its code.
             * @example E0207
             */
            code: string;
            /** @description What happened and where. */
            message: string;
            /** @description What to do. */
            hint?: string | null;
        };
        /** @description A point of a run's charts. */
        RunSample: {
            /** @description When (UTC, ISO 8601); the beginning, where it stands for a minute or more. */
            at: string;
            /**
             * Format: int64
             * @description Rows written in a second.
             */
            rows_per_second: number;
            /**
             * Format: int64
             * @description What the run took of the processor, in percent of one core.
             */
            cpu_percent: number;
            /**
             * Format: int64
             * @description Milliseconds from the last commit at the source until it was durable at the target.
             */
            lag_ms?: number | null;
        };
        /** @description The recent points of a run's charts. */
        RunSamples: {
            /**
             * Format: int64
             * @description Milliseconds that lie between two points while the run is at work.
             */
            every_ms: number;
            /** @description The points, oldest first. */
            items: components["schemas"]["RunSample"][];
        };
        /** @description How far a split is. */
        RunSplit: {
            /** @description The target table. */
            table: string;
            /**
             * Format: int32
             * @description Its number within the table.
             */
            split: number;
            /**
             * Format: int64
             * @description Rows of it that are durable.
             */
            rows: number;
            /**
             * Format: int64
             * @description Estimated rows, where the source could tell.
             */
            rows_estimated?: number | null;
            /** @description The connector's own description of the place up to which they are; none before the first. */
            position?: string | null;
            /** @description It is complete. */
            done: boolean;
        };
        /** @description How far a table of a run is. */
        RunTable: {
            /** @description The source table. */
            source: string;
            /** @description The target table. */
            target: string;
            /**
             * Format: int64
             * @description Rows read.
             */
            rows_read: number;
            /**
             * Format: int64
             * @description Rows written.
             */
            rows_written: number;
            /**
             * Format: int64
             * @description Estimated rows, where the source could tell.
             */
            rows_estimated?: number | null;
            /** @description Pieces. */
            splits: number;
            /** @description Pieces that are complete. */
            splits_done: number;
            /**
             * Format: int64
             * @description Rows kept as dead letters.
             */
            dead_letters: number;
            /**
             * Format: int64
             * @description Changes of the log that were applied, since the run was last taken up.
             */
            changes: number;
            /** @description The whole table is at the target. */
            done: boolean;
        };
        /** @description A run. */
        RunView: {
            /** @description Its unique key (UUIDv7). */
            id: string;
            /** @description The job's name. */
            job: string;
            /**
             * Format: int64
             * @description The job's version that it was started with.
             */
            job_version?: number | null;
            /** @description The project its job is in. */
            project: string;
            /**
             * @description `created`, `waiting`, `running`, `pausing`, `paused`, `stopping`, `stopped`, `finished` or
             *     `failed`.
             * @example running
             */
            state: string;
            /** @description Why, where there is something to say. */
            reason?: string | null;
            /** @description What it waits for, while it is in the queue. */
            waits_for?: string | null;
            /**
             * @description What started it: `api`, `schedule`, `completion`, `restart`, or `command`.
             * @example api
             */
            trigger: string;
            /** @description `full`, `batch`, `changes`, `full+changes`. */
            mode?: string | null;
            /** @description The source, without secrets. */
            source: string;
            /** @description The target, without secrets. */
            sink: string;
            /** @description The stored connection it reads, where the job names one. */
            source_connection?: string | null;
            /** @description The stored connection it writes to, where the job names one. */
            sink_connection?: string | null;
            /**
             * Format: int64
             * @description Runs of a higher one are started first.
             */
            priority: number;
            /**
             * Format: int64
             * @description How often it has been taken up.
             */
            epoch: number;
            /** @description The node that has it. */
            node?: string | null;
            /**
             * Format: int64
             * @description Rows read, over all its processes.
             */
            rows_read: number;
            /**
             * Format: int64
             * @description Rows written, over all its processes.
             */
            rows_written: number;
            /**
             * Format: int64
             * @description Estimated rows, once it is planned.
             */
            rows_estimated?: number | null;
            /**
             * Format: int64
             * @description Rows kept as dead letters.
             */
            dead_letters: number;
            /**
             * Format: int64
             * @description Rows written a second: just now while it is at work, on the whole once it has ended.
             */
            rows_per_second: number;
            /**
             * Format: int64
             * @description Milliseconds of the processor that were seen to be its own, over all its processes.
             */
            cpu_ms: number;
            /**
             * Format: int64
             * @description Milliseconds from the last commit at the source until it was durable at the target.
             */
            lag_ms?: number | null;
            /** @description It has caught up with the source's log, and follows it. */
            following: boolean;
            /** @description The place in the log up to which everything is durable. */
            position?: string | null;
            /** @description When it was recorded (UTC, ISO 8601). */
            created_at: string;
            /** @description When it last changed. */
            updated_at: string;
            /** @description Since when it waits for its turn. */
            queued_at?: string | null;
            /** @description When it first began to move. */
            started_at?: string | null;
            /** @description When it ended. */
            ended_at?: string | null;
            error?: components["schemas"]["RunErrorView"] | null;
        };
        /** @description How fast all runs together were at a moment. */
        Sample: {
            /** @description When (UTC, ISO 8601). */
            at: string;
            /**
             * Format: int64
             * @description Rows written in a second.
             */
            rows_per_second: number;
        };
        /** @description A column of a few rows. */
        SampleColumnView: {
            /** @description Its name. */
            name: string;
            /** @description Its type. */
            type: string;
        };
        /** @description A few rows. */
        SampleView: {
            /** @description Their columns. */
            columns: components["schemas"]["SampleColumnView"][];
            /** @description Their values as texts, exactly; `null` for NULL. */
            rows: (string | null)[][];
            /** @description Why rows are missing that cannot be shown. */
            rejected: string[];
        };
        /** @description Who is signed in. */
        SessionView: {
            /** @description The one who is signed in. */
            user: components["schemas"]["Me"];
            /** @description What to send as `X-CSRF-Token` with everything but GET; `null` for a token. */
            csrf?: string | null;
        };
        /** @description Who is to be the first admin. */
        SetUp: {
            /** @description What stands behind `#` in the link that the server printed at its start. */
            token: string;
            /** @description The admin's name. */
            name: string;
            /** @description The admin's password: 10 characters at least. */
            password: string;
        };
        /** @description How the whole is run. */
        Settings: {
            /**
             * Format: int32
             * @description Runs at the same time on a node.
             */
            slots: number;
            /**
             * Format: int32
             * @description Runs at the same time that read from or write to one connection, unless it says otherwise.
             */
            per_connection_limit: number;
            /**
             * Format: int32
             * @description Days that ended runs, with their events, logs and dead letters, are kept.
             */
            history_days: number;
            /**
             * Format: int32
             * @description Days that entries of the audit log are kept; for ever when `null`.
             */
            audit_days?: number | null;
            /** @description Folders of the server's machine that jobs may read and write. */
            file_roots?: string[];
            /** @description Whether jobs may reach stores by HTTP in private networks and on this machine. */
            allow_private_networks?: boolean;
            /** @description Environment variables of the server that jobs may take passwords from. */
            environment?: string[];
            /** @description When people are told that something is wrong, and how. */
            alerts?: components["schemas"]["Alerts"];
        };
        /** @description Name and password. */
        SignIn: {
            /** @description The user's name. */
            name: string;
            /** @description Their password. */
            password: string;
        };
        /** @description A source in use. */
        SourceView: {
            /** @description Its connection, or its URL where the job names no stored one. */
            connection: string;
            /** @description Whether all that follow it have caught up with it; `null` when nobody follows it. */
            in_sync?: boolean | null;
            /**
             * Format: int64
             * @description The largest lag of those.
             */
            lag_ms?: number | null;
            /** @description The jobs that read it now. */
            jobs: string[];
        };
        /** @description How a job is started. */
        StartBody: {
            /**
             * @description An unfinished run is given up, instead of being gone on with.
             * @default false
             */
            fresh?: boolean;
            /**
             * Format: int64
             * @description Another priority than the job's: -10 to 10, the higher first.
             * @default null
             */
            priority?: number | null;
            /**
             * @description The run may go beside one that is under way.
             * @default false
             */
            overlap?: boolean;
        };
        /** @description A table with its columns and keys. */
        TableDetail: {
            /** @description The database or schema it lies in, where there is such a level. */
            schema?: string | null;
            /** @description Its name. */
            name: string;
            /**
             * Format: int64
             * @description Estimated rows, where the store can tell cheaply.
             */
            rows_estimated?: number | null;
            /** @description Its columns, in their order. */
            columns: components["schemas"]["ColumnView"][];
            /** @description Columns of its primary key, in key order. */
            primary_key: string[];
            /** @description Its other indexes. */
            indexes: components["schemas"]["IndexView"][];
            /** @description What a person should know before it is copied. */
            notes: string[];
        };
        /** @description A table that a connection leads to. */
        TableView: {
            /** @description The database or schema it lies in, where there is such a level. */
            schema?: string | null;
            /** @description Its name. */
            name: string;
            /** @description `table`, or `partitioned table`. */
            kind: string;
            /**
             * Format: int64
             * @description Estimated rows, where the store can tell cheaply.
             */
            rows_estimated?: number | null;
            /**
             * Format: int64
             * @description Estimated bytes, where the store can tell cheaply.
             */
            bytes?: number | null;
            /** @description Whether it has a key that tells its rows apart. */
            has_key: boolean;
        };
        /** @description Whether a connection works. */
        TestView: {
            /** @description Whether it does. */
            ok: boolean;
            /**
             * @description What it leads to and of which version, where there is such a thing.
             * @example MariaDB 11.4.2
             */
            version?: string | null;
            /** @description What a person should know. */
            notes: string[];
            error?: components["schemas"]["Problem"] | null;
        };
        /** @description A token that was just made. */
        TokenMade: components["schemas"]["TokenView"] & {
            /**
             * @description The token itself. It is shown this once.
             * @example slt_…
             */
            token: string;
        };
        /** @description A token to be made. */
        TokenNew: {
            /** @description What it is for. */
            name: string;
            /** @description How far it goes: no further than whoever makes it. */
            role: components["schemas"]["Role"];
            /** @description The jobs it is limited to; all when left out. */
            jobs?: string[] | null;
            /** @description The projects it is limited to; all when left out. */
            projects?: string[] | null;
            /**
             * Format: date-time
             * @description Until when it is good (ISO 8601); until it is removed when left out.
             */
            expires_at?: string | null;
        };
        /** @description A token, without what would let anybody use it. */
        TokenView: {
            /** @description Its id. */
            id: string;
            /** @description What it is for. */
            name: string;
            /** @description Whose it is; `null` when it was made with the admin token of the environment. */
            owner?: string | null;
            /** @description How far it goes, and never further than its owner. */
            role: components["schemas"]["Role"];
            /** @description The jobs it is limited to; `null`: all. */
            jobs?: string[] | null;
            /** @description The projects it is limited to; `null`: all. */
            projects?: string[] | null;
            /** @description When it was made. */
            created_at: string;
            /** @description Until when it is good; `null`: until it is removed. */
            expires_at?: string | null;
            /** @description When it was last used, to the minute. */
            last_used_at?: string | null;
        };
        /** @description What is to change; what is left out stays. */
        UserEdit: {
            role?: components["schemas"]["Role"] | null;
            /** @description Whether they are shut out. */
            disabled?: boolean | null;
        };
        /** @description A user to be made. */
        UserNew: {
            /** @description Their name. */
            name: string;
            /** @description How far they may go. */
            role: components["schemas"]["Role"];
            /** @description Their password: 10 characters at least. */
            password: string;
        };
        /** @description A user. */
        UserView: {
            /** @description Their name. */
            name: string;
            /** @description How far they may go. */
            role: components["schemas"]["Role"];
            /** @description They may not sign in, and their tokens do nothing. */
            disabled: boolean;
            /** @description They have a password; those without one sign in with a provider. */
            has_password: boolean;
            /** @description They sign in with a provider. */
            external: boolean;
            /** @description When they were made. */
            created_at: string;
            /** @description When they were last changed. */
            updated_at: string;
            /** @description When they last signed in. */
            signed_in_at?: string | null;
        };
        /** @description What is wrong with a job. */
        Validation: {
            /** @description Whether nothing is. */
            valid: boolean;
            /** @description What is, each with its place in the text that was sent; in `yaml` when that was JSON. */
            problems: components["schemas"]["Problem"][];
        };
        /** @description How far a comparison is. */
        VerificationProgress: {
            /**
             * Format: int32
             * @description Which look at the tables it is, from 1: after a repair, and where rows are on their way,
             *     everything is looked at once more. 0 while it waits for its turn.
             */
            pass: number;
            /**
             * Format: int64
             * @description Tables to compare.
             */
            tables: number;
            /**
             * Format: int64
             * @description Tables compared.
             */
            tables_done: number;
            /** @description The target table that was read last. */
            table?: string | null;
            /**
             * Format: int64
             * @description Rows of the source that were read, or are known to be equal by a checksum.
             */
            rows: number;
            /**
             * Format: int64
             * @description Rows of the source, as far as every table can tell.
             */
            rows_estimated?: number | null;
            /**
             * Format: double
             * @description From 0 to 1, where anything is known to tell it by.
             */
            share?: number | null;
        };
        /** @description A comparison. */
        VerificationView: {
            /** @description Its unique key. */
            id: string;
            /** @description The job. */
            job: string;
            /** @description Who asked for it. */
            started_by: string;
            /** @description `running`, `equal`, `different` or `failed`. */
            state: string;
            /** @description What was asked. */
            options: Record<string, unknown>;
            progress?: components["schemas"]["VerificationProgress"] | null;
            /** @description When it began (UTC, ISO 8601). */
            created_at: string;
            /** @description When it ended. */
            ended_at?: string | null;
            /** @description What it came to: tables with their counts, what was mended, seconds. */
            verdict?: Record<string, unknown> | null;
            /** @description Why it failed. */
            error?: Record<string, unknown> | null;
        };
        /** @description What is compared. */
        VerifyBody: {
            /**
             * @description Patterns of tables, instead of those of the job.
             * @default []
             */
            tables?: string[];
            /**
             * Format: double
             * @description Percent of the rows; all when not given.
             * @default null
             */
            sample?: number | null;
            /**
             * @description Rows that only the target has are no difference.
             * @default false
             */
            keep_extra?: boolean;
        };
        /** @description A job as it was once. */
        VersionView: {
            /**
             * Format: int64
             * @description Its number.
             */
            version: number;
            /** @description When it was written. */
            at: string;
            /** @description Who wrote it. */
            actor: string;
            /** @description What the change was about. */
            note: string;
            /** @description What it was, for people. */
            description: string;
            /**
             * Format: int32
             * @description Its priority.
             */
            priority: number;
            /** @description Whether its schedule started it. */
            enabled: boolean;
            /** @description The job file as JSON. */
            spec: Record<string, unknown>;
            /** @description The job file as YAML. */
            yaml: string;
        };
        /** @description How one may sign in here. */
        Ways: {
            /** @description Nobody has been made admin yet: the link that the server printed does. */
            setup: boolean;
            /** @description With name and password. */
            password: boolean;
            /** @description With a provider: GET /api/v1/session/oidc. */
            provider: boolean;
        };
        /** @description An address that is told by an HTTP POST of JSON. */
        Webhook: {
            /** @description Its name, among the others. */
            name: string;
            /**
             * @description The address.
             * @example https://hooks.example.org/syncline
             */
            url: string;
        };
    };
    responses: never;
    parameters: never;
    requestBodies: never;
    headers: never;
    pathItems: never;
}
export type $defs = Record<string, never>;
export type operations = Record<string, never>;
