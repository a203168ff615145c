/** The door for `require()` in mini programs: the client itself, with the package's other exports on it. */
import { CloudError, cloud, createCloud, install } from './index.ts'

declare const module: { exports: unknown }

module.exports = Object.assign(cloud, { cloud, createCloud, install, CloudError })
