/** CloudBase's four simple permission modes: who reads, who writes. */
export const SIMPLE_MODES: Readonly<Record<string, Readonly<Record<'read' | 'write', 'all' | 'owner' | 'none'>>>> = {
  READONLY: { read: 'all', write: 'owner' },
  PRIVATE: { read: 'owner', write: 'owner' },
  ADMINWRITE: { read: 'all', write: 'none' },
  ADMINONLY: { read: 'none', write: 'none' },
}

export const isSimpleMode = (mode: string): mode is 'READONLY' | 'PRIVATE' | 'ADMINWRITE' | 'ADMINONLY' =>
  Object.hasOwn(SIMPLE_MODES, mode)
