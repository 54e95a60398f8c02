/** The states a person sees; also the names in `state` events. */
export type DeviceStatus =
  | 'starting'
  | 'activating'
  | 'idle'
  | 'connecting'
  | 'listening'
  | 'thinking'
  | 'speaking'
  | 'announcing'
  | 'recovering';
