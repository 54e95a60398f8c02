import type { DeviceStatus } from '../../ports/status-display.ts';

/** Everything the screen says by itself, in one language. */
export interface Words {
  readonly you: string;
  readonly device: string;
  readonly volume: string;
  readonly muted: string;
  readonly microphone: Readonly<Record<'off' | 'on', string>>;
  readonly upgrade: (version: string) => string;
  readonly activationTitle: string;
  readonly activationNext: (code: string) => string;
  readonly linesLeftOut: (count: number) => string;
  readonly recording: Readonly<
    Record<'started' | 'stopped' | 'failed', (source: 'microphone' | 'system') => string>
  >;
  /** Longest first; the first one that fits is shown. */
  readonly hints: readonly string[];
  readonly states: Readonly<Record<DeviceStatus, string>>;
}

const english: Words = {
  you: 'You',
  device: '小智',
  volume: 'vol',
  muted: 'muted',
  microphone: {
    off: 'The microphone is off: nobody is heard until it is switched on again.',
    on: 'The microphone is on again.',
  },
  upgrade: (version) =>
    `The server offers firmware ${version}. This device is no board: its updates come with its package ("git pull", then "npm start").`,
  activationTitle: 'This device is not yet known to the server. Its code:',
  activationNext: (code) => `Sign in to the server's console, add a device and enter ${code}.`,
  linesLeftOut: (count) => `(${count} lines left out: too many at once)`,
  recording: {
    started: (source) => `Recording the ${source}`,
    stopped: (source) => `Recording of the ${source} ended`,
    failed: (source) => `Recording of the ${source} failed`,
  },
  hints: ['Enter talk  m mute  +/- volume  q quit  or type a message', 'Enter talk  q quit'],
  states: {
    starting: 'Starting',
    activating: 'Activating',
    idle: 'Idle',
    connecting: 'Connecting',
    listening: 'Listening',
    thinking: 'Thinking',
    speaking: 'Speaking',
    announcing: 'Announcing',
    recovering: 'Reconnecting',
  },
};

const chineseSource = { microphone: '麦克风', system: '系统声音' } as const;

const chinese: Words = {
  you: '你',
  device: '小智',
  volume: '音量',
  muted: '静音',
  microphone: { off: '麦克风已关闭：重新打开之前听不到任何人说话。', on: '麦克风已重新打开。' },
  upgrade: (version) =>
    `服务器提供新固件 ${version}。本设备不是开发板，更新随软件包发布（先 git pull，再 npm start）。`,
  activationTitle: '服务器还不认识这台设备，验证码：',
  activationNext: (code) => `请登录服务器控制台，添加设备并输入 ${code}。`,
  linesLeftOut: (count) => `（消息过多，省略 ${count} 行）`,
  recording: {
    started: (source) => `正在录音（${chineseSource[source]}）`,
    stopped: (source) => `录音结束（${chineseSource[source]}）`,
    failed: (source) => `录音失败（${chineseSource[source]}）`,
  },
  hints: ['回车 说话  m 静音  +/- 音量  q 退出  或直接输入文字', '回车 说话  q 退出'],
  states: {
    starting: '启动中',
    activating: '激活中',
    idle: '待命',
    connecting: '连接中',
    listening: '聆听中',
    thinking: '思考中',
    speaking: '说话中',
    announcing: '播报中',
    recovering: '重连中',
  },
};

export type DisplayLanguage = 'en' | 'zh-CN';

export function wordsFor(language: DisplayLanguage): Words {
  return language === 'zh-CN' ? chinese : english;
}

/** The language of the person's locale (POSIX order: LC_ALL, LC_MESSAGES, LANG). */
export function languageOf(env: Readonly<Record<string, string | undefined>>): DisplayLanguage {
  const locale = env.LC_ALL || env.LC_MESSAGES || env.LANG || '';
  return locale.toLowerCase().startsWith('zh') ? 'zh-CN' : 'en';
}
