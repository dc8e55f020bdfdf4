// The schema of job files, from the page that is generated for them.

import schema from '../../../docs/job.schema.json'
import type { Schema } from './schema'

export const jobSchema = schema as unknown as Schema
