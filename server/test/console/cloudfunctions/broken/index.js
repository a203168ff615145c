exports.main = async () => {
  throw new Error('broken on purpose')
}
