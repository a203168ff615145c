/** The process that E-09 kills: the whole server with one sale. Argument: its settings and the sale, as JSON. */
import { readConfig } from '../../src/config.ts'
import { openLog } from '../../src/log.ts'
import { startServer } from '../../src/start-server.ts'

const { settings, sales } = JSON.parse(process.argv[2] ?? '{}')
const { url } = await startServer({
  config: readConfig(settings),
  // Phones ask again by themselves: what is refused while ten thousand log in at once would fill the test's output.
  log: openLog({ level: 'fatal', destination: process.stderr, isPretty: false }),
  localToken: '',
  environment: {},
  project: { functionsRoot: undefined, collections: [], seed: {}, rooms: [], isWatched: false, sales },
})
process.stdout.write(`${url}\n`)
