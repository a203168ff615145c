/** The door for `require('./stock.js')` in mini programs. */
import { openStock } from './stock.ts'

declare const module: { exports: unknown }

module.exports = { openStock }
