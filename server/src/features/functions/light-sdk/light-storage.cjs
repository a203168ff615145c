/** `uploadFile`, `downloadFile`, `getTempFileURL`, `deleteFile`. */
const { errCodeOf, fail, textOf } = require('./light-errors.cjs')
const { ask, send } = require('./light-request.cjs')

const guarded = (api, act) => async (options) => {
  if (!options) throw fail(api, new Error(`Params for ${api} must be an object instead of ${typeof options}`))
  try {
    return { ...(await act(options)), errMsg: `${api}:ok` }
  } catch (error) {
    throw fail(api, error)
  }
}

const uploadFile = guarded('uploadFile', async ({ cloudPath, fileContent }) => {
  if (typeof cloudPath !== 'string' || !fileContent) throw new Error('cloudPath and fileContent are needed')
  const { data } = await ask('storage.getUploadMetadata', { path: cloudPath, method: 'put' })
  try {
    await send(data.url, { method: 'PUT', body: fileContent, headers: { 'content-type': 'application/octet-stream' } })
  } catch (error) {
    const [, code, message] = /<Code>(.*?)<\/Code><Message>(.*?)<\/Message>/.exec(String(error.bytes ?? '')) ?? []
    if (!code) throw error
    throw { code: 'STORAGE_REQUEST_FAIL', message: `[${code}]: ${message}`, isServerAnswer: true }
  }
  return { fileID: data.fileId, statusCode: -1 }
})

const downloadFile = guarded('downloadFile', async ({ fileID }) => {
  const { data } = await ask('storage.batchGetDownloadUrl', { file_list: [{ fileid: fileID, max_age: 600 }] })
  const [file] = data.download_list
  if (file.code !== 'SUCCESS') throw { code: file.code, message: 'The file is not there.', isServerAnswer: true }
  return { fileContent: await send(encodeURI(file.tempFileURL), { method: 'GET' }), statusCode: 200 }
})

const statusOf = (code) => {
  if (code === 'SUCCESS') return { status: 0, errMsg: 'ok' }
  const status = errCodeOf(code)
  return { status, errMsg: textOf(status) }
}

const getTempFileURL = guarded('getTempFileURL', async ({ fileList }) => {
  const file_list = fileList.map((file) =>
    typeof file === 'string' ? { fileid: file } : { fileid: file.fileID, max_age: file.maxAge },
  )
  const { data } = await ask('storage.batchGetDownloadUrl', { file_list })
  const list = data.download_list.map(({ fileID, code, tempFileURL, maxAge }) => ({
    fileID,
    ...statusOf(code),
    maxAge,
    tempFileURL,
  }))
  return { fileList: list }
})

const deleteFile = guarded('deleteFile', async ({ fileList }) => {
  const { data } = await ask('storage.batchDeleteFile', { fileid_list: fileList })
  return { fileList: data.delete_list.map(({ fileID, code }) => ({ fileID, ...statusOf(code) })) }
})

module.exports = { deleteFile, downloadFile, getTempFileURL, uploadFile }
