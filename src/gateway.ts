export { WebSockGatewayAdapter } from './nest/websock.gateway-adapter.js';
