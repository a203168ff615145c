/**
 * Files: `POST /v1/files` (multipart: field `cloudPath`, then the part `file`), `POST /v1/files/links`,
 * `POST /v1/files/delete`, and `GET /cloud/<env>/<path>`, the address at which a page shows an image.
 *
 * A file id is either `https://<host>/cloud/<env>/<path>` or `cloud://<env>.<bucket>/<path>`; both are accepted everywhere.
 */

export type UploadFileResponse = { fileID: string }

export type FileLinksRequest = { fileList: { fileID: string; maxAgeSeconds?: number }[] }
export type FileLinksResponse = {
  /** In the order asked. `status` 0, or CloudBase's errCode with `errMsg`; then `tempFileURL` is ''. */
  fileList: { fileID: string; tempFileURL: string; maxAge: number; status: number; errMsg: string }[]
}

export type DeleteFilesRequest = { fileList: string[] }
export type DeleteFilesResponse = { fileList: { fileID: string; status: number; errMsg: string }[] }
