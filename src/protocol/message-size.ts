/** The longest message over MQTT: what fits a packet of 8192 bytes, which gateways take, beside its header and a long topic (servers.md 3.1). */
export const maxMqttMessageBytes = 7_900;
