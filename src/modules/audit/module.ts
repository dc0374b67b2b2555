/** The module of audit events: other modules record them. */
import { defineModule } from '../define-module.ts'

export const audit = defineModule({ name: 'audit', isRequired: true })
