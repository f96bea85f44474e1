import { ConfigError } from '../websock/errors.js';
import { InfoClasses, infoName, setInfoName } from './info-class.js';
import type { InfoClass } from './pattern.js';

class PostCreated {}
class PostPinned extends PostCreated {}

/** Another class of the same name. */
function another(): InfoClass {
  class PostCreated {}
  return PostCreated;
}

function named(name: string, infoClass: InfoClass = another()): InfoClass {
  setInfoName(infoClass, name);
  return infoClass;
}

describe('infoName', () => {
  it('is the name that the class was given, else that of the class', () => {
    expect(infoName(PostCreated)).toBe('PostCreated');
    expect(infoName(named('posts.created'))).toBe('posts.created');
  });

  it('is not handed down to subclasses', () => {
    const parent = named('posts.created') as new () => object;
    class PostPinned extends parent {}
    expect(infoName(PostPinned)).toBe('PostPinned');
  });

  it('is missing on an anonymous class, which must be given one', () => {
    expect(() => infoName(class {})).toThrow(expect.objectContaining({ code: 'WEBSOCK_INFO_NAME' }));
    expect(infoName(named('posts.created', class {}))).toBe('posts.created');
  });

  it('is not empty', () => {
    expect(() => named('')).toThrow('@InfoMessage() on PostCreated needs a name');
  });
});

describe('InfoClasses', () => {
  it('knows a class by its name and an instance by its class', () => {
    const classes = new InfoClasses();
    classes.add(PostCreated);
    classes.add(PostPinned);
    classes.add(PostPinned);
    expect(classes.classOf('PostPinned')).toBe(PostPinned);
    expect(classes.nameOf(new PostPinned())).toBe('PostPinned');
    expect(classes.nameOf(new PostCreated())).toBe('PostCreated');
  });

  it('takes an instance of a subclass that it does not know for one of the nearest class that it does', () => {
    const classes = new InfoClasses();
    classes.add(PostCreated);
    expect(classes.nameOf(new (class extends PostPinned {})())).toBe('PostCreated');
  });

  it.each([
    [{}],
    [Object.create(null)],
    ['PostCreated'],
    [null],
    [undefined],
    [{ constructor: PostCreated }],
  ])('does not know %p', (message) => {
    const classes = new InfoClasses();
    classes.add(PostCreated);
    expect(classes.nameOf(message)).toBeUndefined();
  });

  it('refuses two classes of one name, and says what to do', () => {
    const classes = new InfoClasses();
    classes.add(PostCreated);
    expect(() => classes.add(another())).toThrow(ConfigError);
    expect(() => classes.add(another())).toThrow(
      'two classes PostCreated are both sent under the name "PostCreated"; give one of them another with @InfoMessage',
    );
    classes.add(named('posts.created'));
    expect(() => classes.add(named('posts.created', class Other {}))).toThrow(
      'PostCreated and Other are both sent under the name "posts.created"',
    );
  });
});
