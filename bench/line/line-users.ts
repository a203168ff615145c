/** Logs users in from inside the server's namespace and prints them as JSON. */
import { logInUsers } from '../src/bench-client.ts'

const [port, count] = process.argv.slice(2)
process.stdout.write(JSON.stringify(await logInUsers(`http://127.0.0.1:${port}`, Number(count), 'line')))
