/** The storage cannot be used as it is set; says what to do. */
export class StorageSettingError extends Error {
  override readonly name = 'StorageSettingError';
}
