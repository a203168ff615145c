/** A runner in a process of its own, which a test kills. Prints a line when its functions run. */
import { byUser, serveProject } from './function-project.ts'

const PROJECT = {
  'loop/index.js': `
    exports.main = () => {
      require('node:child_process').spawn('sleep', ['97.531'], { stdio: 'ignore' }).unref()
      for (;;) {}
    }`,
  'loop/config.json': `{ "timeout": 60 }`,
  'wait/index.py': `
import subprocess
def main(event, context):
    subprocess.Popen(['sleep', '97.532'])
    while True:
        pass
`,
  'wait/config.json': `{ "timeout": 60 }`,
}

const { functions } = await serveProject(PROJECT)
for (const name of ['loop', 'wait']) functions.call(name, {}, byUser('alice')).catch(() => {})
console.log(process.pid)
