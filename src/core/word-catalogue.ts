/**
 * Our own sentences about how a call ended, or halves of sentences, in every language in which they are told to a person.
 * `{name}` is filled in: with a number, with words of ours, or with words of somebody else, which stay as they are.
 */
export const wordCatalogue = {
  /** Somebody else's words. */
  said: { en: '{text}', 'zh-CN': '{text}' },
  because: { en: '{what}: {text}', 'zh-CN': '{what}：{text}' },
  advised: { en: '{what}; {todo}', 'zh-CN': '{what}；{todo}' },
  remarked: { en: '{text} ({what})', 'zh-CN': '{text}（{what}）' },

  second: { en: '1 second', 'zh-CN': '1秒' },
  seconds: { en: '{count} seconds', 'zh-CN': '{count}秒' },
  secondsShort: { en: '{count} s', 'zh-CN': '{count}秒' },
  minutes: { en: '{count} minutes', 'zh-CN': '{count}分钟' },

  timedOut: { en: 'it did not finish within {time}', 'zh-CN': '{time}内没有完成，已被停止' },
  fault: { en: 'there is a fault in this program', 'zh-CN': '程序内部出错' },
  cancelled: { en: 'it was cancelled', 'zh-CN': '已被取消' },
  stoppedEarly: { en: 'it was stopped before it had finished', 'zh-CN': '还没有完成就被停止了' },
  shuttingDown: { en: 'the device is shutting down', 'zh-CN': '设备正在关闭' },
  unreachable: { en: 'it cannot be reached: {what}', 'zh-CN': '无法连接：{what}' },
  badAnswer: { en: 'it gave no usable answer: {what}', 'zh-CN': '没有得到可用的结果：{what}' },
  serverUnreachable: { en: 'The MCP server cannot be reached: {what}', 'zh-CN': '无法连接MCP服务器：{what}' },
  serverBadAnswer: {
    en: 'The MCP server gave no usable answer: {what}',
    'zh-CN': 'MCP服务器没有给出可用的结果：{what}',
  },
  serverRefused: { en: 'The MCP server said no: {what}', 'zh-CN': 'MCP服务器拒绝了：{what}' },
  noReason: { en: 'it does not say why', 'zh-CN': '没有说明原因' },
  reportedError: { en: 'it reported an error', 'zh-CN': '对方报告了错误' },

  nothingListens: { en: 'nothing is listening there', 'zh-CN': '对方没有在运行' },
  closedConnection: { en: 'it closed the connection', 'zh-CN': '对方关闭了连接' },
  closedWithCode: {
    en: 'it closed the connection (close code {code})',
    'zh-CN': '对方关闭了连接（关闭代码{code}）',
  },
  hostUnknown: { en: 'the name of the host is not known', 'zh-CN': '找不到这个主机名' },
  hostNotLookedUp: { en: 'the name of the host could not be looked up', 'zh-CN': '主机名无法解析' },
  noAnswer: { en: 'it did not answer', 'zh-CN': '对方没有回应' },
  noNetwork: { en: 'there is no network', 'zh-CN': '没有网络' },
  noRoute: { en: 'there is no way to this host', 'zh-CN': '没有到这台主机的路由' },
  noSocket: { en: 'there is no such socket', 'zh-CN': '套接字不存在' },
  notSocket: { en: 'the path is not a socket', 'zh-CN': '这个路径不是套接字' },
  noAccess: { en: 'access is not allowed', 'zh-CN': '没有访问权限' },
  notHttp: { en: 'it does not speak HTTP', 'zh-CN': '对方不使用HTTP协议' },
  noTls: {
    en: 'it does not speak TLS; try http:// instead of https://',
    'zh-CN': '对方不支持TLS；请把https://改成http://再试',
  },
  certificateOfOther: {
    en: 'its certificate is for another host name',
    'zh-CN': '它的证书属于另一个主机名',
  },
  certificateExpired: { en: 'its certificate has expired', 'zh-CN': '它的证书已过期' },
  certificateUnknown: {
    en: 'its certificate is signed by nobody we trust',
    'zh-CN': '它的证书不是由受信任的机构签发的',
  },
  checkUrl: { en: 'check the url', 'zh-CN': '请检查url' },
  checkNetwork: { en: 'check the network', 'zh-CN': '请检查网络' },
  setCaFile: {
    en: 'if it is yours, set caFile beside its url to the PEM file of its authority',
    'zh-CN': '如果是你自己的服务器，请在url旁边把caFile设为其证书机构的PEM文件',
  },

  exitCode: { en: 'exit code {code}', 'zh-CN': '退出码{code}' },
  endedBySignal: { en: 'ended by {signal}', 'zh-CN': '被信号{signal}终止' },
  printedBinary: { en: 'it printed binary data instead of text', 'zh-CN': '输出的是二进制数据，不是文字' },
  sentBinary: { en: 'it sent binary data instead of text', 'zh-CN': '发来的是二进制数据，不是文字' },
  serverSentBinary: {
    en: 'the server sent binary data instead of text',
    'zh-CN': '服务器发来的是二进制数据，不是文字',
  },
  tooLarge: { en: 'it is larger than {bytes} bytes', 'zh-CN': '结果超过了{bytes}字节' },
  variableMissing: {
    en: 'the environment variable {name} is not set; set it where the device is started',
    'zh-CN': '环境变量{name}没有设置；请在启动设备的地方设置它',
  },
  zeroByte: { en: 'the value of {name} holds a zero byte', 'zh-CN': '参数{name}的值含有零字节' },
  likeOption: {
    en: 'the value of {name} begins with "-" and would be taken for an option',
    'zh-CN': '参数{name}的值以“-”开头，会被当成选项',
  },
  programMissing: { en: 'the program {program} was not found', 'zh-CN': '找不到程序{program}' },
  interpreterMissing: {
    en: '{interpreter}, which is to run {file}, was not found; install it, or correct the first line of the file',
    'zh-CN': '找不到运行{file}的{interpreter}；请安装它，或更正该文件的第一行',
  },
  windowsLineEnds: {
    en: '{file} has the line ends of Windows, so what is to run it is not found; take the carriage returns out of it',
    'zh-CN': '{file}的换行符来自另一种系统，因此找不到运行它的程序；请去掉每行末尾的回车符',
  },
  programOfAnotherSystem: {
    en: 'the program {file} was made for another system',
    'zh-CN': '程序{file}是为另一种系统制作的',
  },
  directoryMissing: { en: 'its directory {directory} does not exist', 'zh-CN': '目录{directory}不存在' },
  notExecutable: {
    en: 'the program {program} may not be executed; chmod +x it',
    'zh-CN': '程序{program}没有执行权限；请对它执行chmod +x',
  },
  argumentsTooLong: {
    en: 'its arguments are too long for a command line',
    'zh-CN': '参数太长，命令行放不下',
  },
  numberUnkept: {
    en: 'the number {number} has more digits than it can take; give it as text',
    'zh-CN': '数字{number}的位数超出了它能接受的范围；请改用文字传递',
  },
  valueNeeded: { en: 'it needs a value for {name}', 'zh-CN': '缺少参数{name}的值' },
  leadsElsewhere: {
    en: 'the value of {name} would lead to another address',
    'zh-CN': '参数{name}的值会指向另一个地址',
  },

  redirected: {
    en: 'the server redirects to {address}; put that address into its url',
    'zh-CN': '服务器重定向到{address}；请把这个地址写进url',
  },
  unknownAddress: { en: 'an unknown address', 'zh-CN': '未知地址' },
  answeredStatus: {
    en: 'the server answered with HTTP status {status}',
    'zh-CN': '服务器返回了HTTP状态码{status}',
  },
  serverNotJson: { en: 'the server did not answer with JSON', 'zh-CN': '服务器返回的不是JSON' },
  serverFailed: { en: 'the server reports a failure', 'zh-CN': '服务器报告失败' },
  nothingAtPath: { en: 'the answer holds nothing at {path}', 'zh-CN': '结果里没有{path}' },
  closedUnanswered: {
    en: 'it closed the connection without an answer',
    'zh-CN': '对方没有回答就关闭了连接',
  },
  closedMidway: {
    en: 'it closed the connection in the middle of its answer',
    'zh-CN': '对方在回答途中关闭了连接',
  },
  notJsonRpc: {
    en: 'it did not answer with JSON-RPC but "{text}"',
    'zh-CN': '对方返回的不是JSON-RPC，而是“{text}”',
  },
  tooManyWaiting: {
    en: 'more than {count} calls are waiting for it',
    'zh-CN': '等待它的调用超过了{count}个',
  },
  cozeCode: { en: 'code {code}', 'zh-CN': '代码{code}' },
  httpStatus: { en: 'HTTP status {status}', 'zh-CN': 'HTTP状态码{status}' },
  cozeAnswered: { en: 'Coze answered with {what}', 'zh-CN': 'Coze返回了{what}' },
  cozeSays: { en: 'Coze says: {text} ({what})', 'zh-CN': 'Coze说：{text}（{what}）' },
  cozeShape: { en: 'Coze did not answer as a workflow does', 'zh-CN': 'Coze返回的不是工作流的结果' },

  moduleMissing: { en: 'its module {module} was not found', 'zh-CN': '找不到模块{module}' },
  moduleUnloadable: { en: 'its module cannot be loaded: {text}', 'zh-CN': '模块无法加载：{text}' },
  functionMissing: { en: 'its module exports no function "{name}"', 'zh-CN': '模块没有导出函数“{name}”' },
  gaveNoReason: { en: 'it gave no reason', 'zh-CN': '没有说明原因' },
  otherCallStopped: {
    en: 'another call had to be stopped, and its process with it',
    'zh-CN': '另一个调用必须停止，它的进程也随之结束',
  },
  endedByDevice: { en: 'the device ended it', 'zh-CN': '设备结束了它' },
  pipeMisused: {
    en: 'its module wrote into the pipe of its process',
    'zh-CN': '模块写入了进程专用的管道',
  },
  processNotStarted: { en: 'its process could not be started: {text}', 'zh-CN': '进程无法启动：{text}' },
  processEndedBy: { en: 'its process was ended by {signal}', 'zh-CN': '它的进程被信号{signal}终止' },
  processEndedWithCode: {
    en: 'its process ended with exit code {code}',
    'zh-CN': '它的进程以退出码{code}结束',
  },

  sessionLost: {
    en: 'the server no longer knows this session, probably because it was started anew',
    'zh-CN': '服务器不再认识这个会话，可能是它重新启动了',
  },
  noToolList: { en: 'it sent no list of tools', 'zh-CN': '没有发来工具列表' },
  silent: { en: 'it does not answer', 'zh-CN': '没有回应' },
  connectionClosed: { en: 'the connection was closed', 'zh-CN': '连接已关闭' },
  noResult: { en: 'its answer has no result', 'zh-CN': '回答里没有结果' },
  notMcpMessage: {
    en: 'it sent something that is no message of MCP',
    'zh-CN': '发来的不是MCP消息',
  },
  messageTooLong: {
    en: 'it sent a message of more than {bytes} bytes',
    'zh-CN': '发来的消息超过了{bytes}字节',
  },
  hasEnded: { en: 'it has ended', 'zh-CN': '它已经结束' },
  doesNotRead: { en: 'it does not read what it is sent', 'zh-CN': '它不读取发给它的内容' },
  wasEndedBy: { en: 'it was ended by {signal}', 'zh-CN': '被信号{signal}终止' },
  endedWithCode: { en: 'it ended with exit code {code}', 'zh-CN': '以退出码{code}结束' },
  withText: { en: '{what}, {text}', 'zh-CN': '{what}，{text}' },
  refusesUs: {
    en: 'it refuses us ({what}); check the token in its headers',
    'zh-CN': '它拒绝了我们（{what}）；请检查headers里的令牌',
  },
  noMcpHere: {
    en: 'it has no MCP at this address ({what}); the path of the url is often /mcp or /sse',
    'zh-CN': '这个地址没有MCP服务（{what}）；url的路径通常是/mcp或/sse',
  },
  loginPage: {
    en: 'something answers in its place (HTTP status {status}): most likely this network asks you to log in. Open any web page on it and do so; if there is none, check the address',
    'zh-CN':
      '有别的东西代替它应答（HTTP状态码{status}）：很可能是当前网络要求先登录。请打开任意网页完成登录；如果没有登录页，请检查地址',
  },
  loginPageElsewhere: {
    en: 'something answers in its place and sends us to {target} (HTTP status {status}): most likely this network asks you to log in. Open any web page on it and do so; if there is none, check the address',
    'zh-CN':
      '有别的东西代替它应答，并转到{target}（HTTP状态码{status}）：很可能是当前网络要求先登录。请打开任意网页完成登录；如果没有登录页，请检查地址',
  },
  itAnswered: { en: 'it answered with {what}', 'zh-CN': '它返回了{what}' },
  notMcp: {
    en: 'what is at this address does not speak MCP; check the url',
    'zh-CN': '这个地址上的服务不使用MCP；请检查url',
  },
  noUrl: {
    en: 'its url is no address; write it in full, such as http://host:8000/mcp',
    'zh-CN': '它的url不是地址；请写完整，例如http://host:8000/mcp',
  },
  installNode: { en: 'install Node.js, or write its full path', 'zh-CN': '请安装Node.js，或写出完整路径' },
  installUv: {
    en: 'install uv (https://docs.astral.sh/uv), or write its full path',
    'zh-CN': '请安装uv（https://docs.astral.sh/uv），或写出完整路径',
  },
  installDocker: { en: 'install Docker, or write its full path', 'zh-CN': '请安装Docker，或写出完整路径' },
  installIt: { en: 'install it, or write its full path', 'zh-CN': '请安装它，或写出完整路径' },

  switchedOff: {
    en: '{name} is switched off; switch it on with mcp enable {name}',
    'zh-CN': '{name}已关闭；可用mcp enable {name}打开',
  },
  startedByHand: {
    en: '{name} is started by hand only; start it with mcp restart {name}',
    'zh-CN': '{name}只能手动启动；可用mcp restart {name}启动',
  },
  starting: { en: '{name} is still starting, try again in a moment', 'zh-CN': '{name}还在启动，请稍后再试' },
  notWorking: {
    en: '{name} does not work at the moment and is tried again in {time}. {problem}',
    'zh-CN': '{name}暂时不能工作，{time}后再试。{problem}',
  },
  givenUp: {
    en: '{name} does not work at the moment and is tried again in {time}, or by a call that is made 10 s after the last try. {problem}',
    'zh-CN': '{name}暂时不能工作，{time}后再试，或在上次尝试10秒之后被调用时再试。{problem}',
  },
  mountStopped: {
    en: '{name} has been stopped, call it again if it is needed',
    'zh-CN': '{name}已停止，需要时请再次调用',
  },
  startedAnew: {
    en: '{name} does not answer any more and is started anew',
    'zh-CN': '{name}不再回应，正在重新启动',
  },
  didNotStart: {
    en: '{name} did not start within {time}. Run its command by hand to see what it waits for',
    'zh-CN': '{name}在{time}内没有启动。请手动运行它的命令，看它在等什么',
  },

  doneWithoutResult: { en: 'Done; the tool gave no result', 'zh-CN': '工具没有返回内容' },
  resultNotShown: {
    en: 'Done; the result ({kinds}) cannot be shown or read out here',
    'zh-CN': '结果（{kinds}）不能在这里显示或朗读',
  },
  resultUnreadable: {
    en: 'The tool answered with something ({kind}) that cannot be read, so it is not known whether it worked',
    'zh-CN': '工具返回了无法读取的内容（{kind}），不知道是否成功',
  },
  picture: { en: '[{type}, {bytes} bytes]', 'zh-CN': '一张图片（{type}，{bytes}字节）' },
  timerLate: { en: '{text} (was due {time})', 'zh-CN': '{text}（原定时间{time}）' },
  timer: { en: 'timer', 'zh-CN': '计时器' },
} as const;
