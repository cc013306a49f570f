fn main() {
    nightjar::demo::enter_if_asked();
}
