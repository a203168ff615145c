/** Asks for a list from inside the server's namespace and prints the tag of the answer. */
const [port, token, place, body = ''] = process.argv.slice(2)
const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json', 'if-none-match': 'W/"none"' }
const answer = await fetch(`http://127.0.0.1:${port}${place}`, { method: 'POST', headers, body })
process.stdout.write(answer.headers.get('etag') ?? '')
