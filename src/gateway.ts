/**
 * The adapter for apps that have gateways as well; needs `@nestjs/platform-ws`.
 *
 * @module nestjs-websock/gateway
 */
export { WebSockGatewayAdapter } from './nest/websock.gateway-adapter.js';
