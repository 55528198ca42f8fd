-- What the shop keeps. Prices are cents, days are written YYYY-MM-DD.
CREATE TABLE products (
    id INTEGER PRIMARY KEY,
    name TEXT NOT NULL,
    category TEXT NOT NULL,
    price INTEGER NOT NULL,
    sold INTEGER NOT NULL,
    tags TEXT NOT NULL,
    about TEXT NOT NULL
);
CREATE INDEX products_sold ON products (sold);

CREATE TABLE orders (
    id INTEGER PRIMARY KEY,
    customer INTEGER NOT NULL,
    country TEXT NOT NULL,
    placed TEXT NOT NULL,
    total INTEGER NOT NULL
);
CREATE INDEX orders_customer ON orders (customer);

CREATE TABLE order_lines (
    order_id INTEGER NOT NULL REFERENCES orders (id),
    product INTEGER NOT NULL REFERENCES products (id),
    amount INTEGER NOT NULL
);
CREATE INDEX order_lines_order ON order_lines (order_id);

CREATE TABLE reviews (
    id INTEGER PRIMARY KEY,
    product INTEGER NOT NULL REFERENCES products (id),
    stars INTEGER NOT NULL,
    written TEXT NOT NULL,
    words TEXT NOT NULL
);
CREATE INDEX reviews_product_written ON reviews (product, written);
