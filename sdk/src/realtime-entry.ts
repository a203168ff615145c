/** The door for `require('./realtime.js')` in mini programs. */
import { realtime } from './realtime.ts'

declare const module: { exports: unknown }

module.exports = realtime
