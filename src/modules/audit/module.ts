/** The audit module: other modules record events with its service. */
import { defineModule } from '../define-module.ts'

export const audit = defineModule({ name: 'audit', isRequired: true })
