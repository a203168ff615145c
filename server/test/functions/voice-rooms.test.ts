import assert from 'node:assert/strict'
import { describe, it } from 'node:test'
import { signVoiceRoom } from '../../src/features/functions/voice-rooms.ts'

describe('voice rooms', () => {
  it('are signed as in WeChat’s own example', () => {
    const room = { groupId: '1559129713_672975982', nonce: '8AP6DT9ybtniUJfb', timestampSeconds: 1_559_129_714 }
    assert.equal(
      signVoiceRoom(room, 'wx20afc706a711eefc', 'gDyVgzwa0mFz9uUP7M6GQQ=='),
      'b002b824688dd8593a6079e11d8c5e8734fbcb39a6d5906eb347bfbcad79c617',
    )
  })
})
