/** Builds the hand-written peers' SQLite file once; later runs copy it. */
import { copyFileSync, existsSync, mkdirSync, renameSync } from 'node:fs'
import path from 'node:path'
import sqlite from 'better-sqlite3'
import { people, posts } from '../src/forum-data.ts'

export const SQL_TABLES = [
  `CREATE TABLE users (id INTEGER PRIMARY KEY, open_id VARCHAR(64) NOT NULL, nickname VARCHAR(64), avatar VARCHAR(200))`,
  `CREATE TABLE posts (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, category INTEGER NOT NULL,
   status VARCHAR(10) NOT NULL, title VARCHAR(100), cover VARCHAR(200), summary VARCHAR(500), body TEXT,
   likes INTEGER NOT NULL, created_at BIGINT NOT NULL)`,
]
export const SQL_INDEXES = [
  'CREATE UNIQUE INDEX users_open_id ON users (open_id)',
  'CREATE INDEX posts_category ON posts (category, status, created_at)',
]

/** A fresh copy of the seeded database below `folder`. */
export function copySeededSqlite(cacheFolder: string, folder: string): string {
  const seeded = path.join(cacheFolder, 'forum.sqlite')
  if (!existsSync(seeded)) build(seeded)
  const copy = path.join(folder, 'forum.sqlite')
  copyFileSync(seeded, copy)
  return copy
}

function build(file: string) {
  mkdirSync(path.dirname(file), { recursive: true })
  const unfinished = `${file}.${process.pid}`
  const database = sqlite(unfinished)
  for (const statement of SQL_TABLES) database.exec(statement)
  database.exec(`CREATE TABLE forms (id INTEGER PRIMARY KEY, user_id INTEGER NOT NULL, post_id INTEGER NOT NULL,
    name TEXT, phone TEXT, content TEXT, created_at BIGINT NOT NULL)`)
  const insertUser = database.prepare('INSERT INTO users VALUES (@id, @openId, @nickname, @avatar)')
  const insertPost = database.prepare(
    'INSERT INTO posts VALUES (@id, @userId, @category, @status, @title, @cover, @summary, @body, @likes, @createdAt)',
  )
  database.transaction(() => {
    for (const person of people()) insertUser.run(person)
    for (const post of posts()) insertPost.run(post)
  })()
  for (const statement of SQL_INDEXES) database.exec(statement)
  database.close()
  renameSync(unfinished, file)
}
