// Loaded before a server that can only be given a fixed port on every interface: makes its first `listen` take a
// free port on loopback, and tells the parent which.
import { Server } from 'node:net';

const listen = Server.prototype.listen;

Server.prototype.listen = function listenOnLoopback(_port, ...rest) {
  Server.prototype.listen = listen;
  this.once('listening', () => process.send?.({ port: this.address().port }));
  return listen.call(this, 0, '127.0.0.1', ...rest.filter((argument) => typeof argument === 'function'));
};
